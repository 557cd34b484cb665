// Calls of Cinder's other roles to cinder-scheduler, topic `cinder-scheduler`: the storage pools,
// and which of them a volume is placed on.
import type { BackendFigures } from './volume-rpc.ts';

export const cinderSchedulerTopic = 'cinder-scheduler';

/** A storage pool with the facts by which the scheduler chooses. */
export interface Pool extends BackendFigures {
  /** Total size of the volumes placed there, GiB. */
  provisionedGib: number;
  /** Whether volumes may be placed on it: false if an operator has disabled its service. */
  enabled: boolean;
}

/**
 * The calls by method. Figures are at most `statsMaxAgeMs` old if the backend answers. Faults of
 * every call: unavailable and timeout when cinder-volume does not answer. Answers within 20 s.
 */
export type CinderSchedulerRpc = {
  /** Every pool whose backend has ever answered. */
  pools: { params: Record<string, never>; result: Pool[] };
  /**
   * The pool of a volume: its current one, or the one with the most free space among those that fit
   * its size and type. Changes nothing. notFound: no such volume; conflict: no pool fits;
   * unavailable: one might fit but does not answer.
   */
  choosePool: { params: { volumeId: string }; result: { host: string } };
  /**
   * Whether the pool could hold a volume of the type at present: enabled, answering, and with the
   * capabilities that the type's extra specs require. notFound: no such type.
   */
  suitsType: { params: { host: string; typeId: string }; result: { suits: boolean } };
};
