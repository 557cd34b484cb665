// What the other roles of Cinder ask of cinder-scheduler, topic `cinder-scheduler`: the pools of
// storage, and which of them takes a volume.
import type { BackendFigures } from './volume-rpc.ts';

export const cinderSchedulerTopic = 'cinder-scheduler';

/** What the scheduler places by. */
export interface Pool extends BackendFigures {
  /** Sizes of the volumes placed there. */
  provisionedGib: number;
  /** An operator has not disabled its service. */
  enabled: boolean;
}

/**
 * Figures are at most `statsMaxAgeMs` old where a backend answers. Faults of all: unavailable and
 * timeout when cinder-volume does not answer. Answers within 20 s.
 */
export type CinderSchedulerRpc = {
  /** Every pool whose backend has ever answered. */
  pools: { params: Record<string, never>; result: Pool[] };
  /**
   * The pool of a volume: where it is, or the one with the most space among those that fit its size
   * and type. Changes nothing. notFound: no such volume; conflict: no pool fits; unavailable: one
   * might that does not answer.
   */
  choosePool: { params: { volumeId: string }; result: { host: string } };
  /**
   * Whether the pool could hold a volume of the type as it is now: enabled, answering, and with
   * what the type's extra specs ask for. notFound: no such type.
   */
  suitsType: { params: { host: string; typeId: string }; result: { suits: boolean } };
};
