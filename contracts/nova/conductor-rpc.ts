// API and Nova Agents -> Conductor, topic `conductor`.
import type { GuestNic, GuestState, GuestVolume, HostFacts } from './guest.ts';

export const conductorTopic = 'conductor';

/** What a host's guest should be doing, as the database has it. */
export interface ExpectedGuest {
  uuid: string;
  /**
   * 'run': it should run; 'keep': it exists, power as it is; 'remove': it does not belong on this
   * host any more.
   */
  want: 'run' | 'keep' | 'remove';
  /** A saga is at work on it: hands off. */
  busy: boolean;
  /** The interfaces it should have; null: not to be compared now. */
  nics: GuestNic[] | null;
  /** Likewise its volumes. */
  volumes: GuestVolume[] | null;
}

/** Names of `POST /os-server-external-events` that concern networks. */
export const networkEvents = [
  'network-changed',
  'network-vif-plugged',
  'network-vif-unplugged',
  'network-vif-deleted',
] as const;
export type NetworkEvent = (typeof networkEvents)[number];

export type ConductorRpc = {
  /** Sagas may have been journalled: look. Sent as a cast; a lost one costs a scan period. */
  wakeSagas: { params: Record<string, never>; result: null };
  /**
   * Reads what Neutron knows of the server's ports into Nova's record, now. Faults of Neutron's.
   * Safe to repeat.
   */
  refreshNetworkInfo: { params: { serverId: string }; result: null };
  /**
   * Removes what the request behind these pending resources created and did not commit. A fault:
   * something cannot be removed yet. Safe to repeat, and to run twice at once.
   */
  removeAbandoned: { params: { id: string }; result: null };
  /**
   * Neutron said that something happened to a server's port: whoever waits for it looks now. Sent
   * as a cast; a lost one costs a look period.
   */
  networkEvent: {
    params: { serverId: string; portId: string | null; event: NetworkEvent };
    result: null;
  };
  /**
   * Cinder said that a server's volume grew. Sent as a cast; a lost one is made good when the
   * volume is detached.
   */
  volumeExtended: { params: { serverId: string; volumeId: string }; result: null };
  /**
   * A heartbeat with facts: marks the host up, and answers its stable identity. `starting`: the
   * agent's first since it started, which registers the host. notFound: its compute service was
   * deleted since, and stays away until the agent is started anew.
   */
  reportHost: {
    params: { host: string; facts: HostFacts; version: string; starting: boolean };
    result: { nodeUuid: string; intervalMs: number };
  };
  /**
   * The agent stops, because it was told to or its host is off: the host is down from now on.
   * Idempotent.
   */
  agentStops: { params: { host: string }; result: null };
  /** Power states seen; `complete` when the list holds every guest of the host. */
  reportGuests: {
    params: { host: string; guests: { uuid: string; state: GuestState }[]; complete: boolean };
    result: null;
  };
  /** What should be on the host, among `uuids` (those found there) and those placed there. */
  expectedGuests: {
    params: { host: string; uuids: string[] };
    result: { guests: ExpectedGuest[] };
  };
  /** Images that servers on the host are made of. */
  imagesInUse: { params: { host: string }; result: { imageIds: string[] } };
};
