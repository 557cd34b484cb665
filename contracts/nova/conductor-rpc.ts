// Calls of API and Nova Agents to the conductor, topic `conductor`.
import type { GuestNic, GuestState, GuestVolume, HostFacts } from './guest.ts';

export const conductorTopic = 'conductor';

/** The desired state of a guest on a host, from the database. */
export interface ExpectedGuest {
  uuid: string;
  /**
   * 'run': it should run; 'keep': it exists, in any power state; 'stop': it must not run here now,
   * but its disks stay; 'remove': it does not belong on this host any more.
   */
  want: 'run' | 'keep' | 'stop' | 'remove';
  /** A saga is working on it: do not touch it. */
  busy: boolean;
  /** The interfaces that it should have; null: not to be compared now. */
  nics: GuestNic[] | null;
  /** The volumes that it should have; null: not to be compared now. */
  volumes: GuestVolume[] | null;
}

/** Names of `POST /os-server-external-events` about networks. */
export const networkEvents = [
  'network-changed',
  'network-vif-plugged',
  'network-vif-unplugged',
  'network-vif-deleted',
] as const;
export type NetworkEvent = (typeof networkEvents)[number];

export type ConductorRpc = {
  /**
   * Wakes the saga runner after an entry in the journal. Sent as a cast; if it is lost, the saga
   * starts one scan period later.
   */
  wakeSagas: { params: Record<string, never>; result: null };
  /**
   * Updates Nova's record of the server's ports from Neutron. Faults: those of Neutron. Safe to
   * repeat.
   */
  refreshNetworkInfo: { params: { serverId: string }; result: null };
  /**
   * Removes what the request behind these pending resources created and did not commit. A fault:
   * something cannot be removed yet. Safe to repeat, and to run twice at once.
   */
  removeAbandoned: { params: { id: string }; result: null };
  /**
   * Neutron reported an event of a server's port: wakes whoever waits for it. Sent as a cast; if it
   * is lost, the next poll finds the change.
   */
  networkEvent: {
    params: { serverId: string; portId: string | null; event: NetworkEvent };
    result: null;
  };
  /**
   * Cinder reported that a server's volume was extended. Sent as a cast; if it is lost, the guest
   * sees the new size after a detachment.
   */
  volumeExtended: { params: { serverId: string; volumeId: string }; result: null };
  /**
   * A heartbeat with facts: marks the host up, and returns its stable identity. `starting`: the
   * first one since the agent started, which registers the host. notFound: its compute service was
   * deleted meanwhile, and stays so until the agent is restarted. `startsDisabled`: a host that is
   * registered by this report takes no servers until somebody enables it; missing: it does.
   */
  reportHost: {
    params: {
      host: string;
      facts: HostFacts;
      version: string;
      starting: boolean;
      startsDisabled?: boolean;
    };
    result: { nodeUuid: string; intervalMs: number };
  };
  /**
   * The agent stops, because it was told to or its host is powered off: the host is down from now
   * on. Idempotent.
   */
  agentStops: { params: { host: string }; result: null };
  /**
   * Observed power states; `complete` if the list has every guest of the host. `busy`: those that
   * are not believed yet, since an operation on their server goes on; to be told again. null: from
   * the release before. Idempotent.
   */
  reportGuests: {
    params: { host: string; guests: { uuid: string; state: GuestState }[]; complete: boolean };
    result: { busy: string[] } | null;
  };
  /** The desired state of `uuids` (those found on the host) and of the servers placed there. */
  expectedGuests: {
    params: { host: string; uuids: string[] };
    result: { guests: ExpectedGuest[] };
  };
  /** Images that servers on the host are built from. */
  imagesInUse: { params: { host: string }; result: { imageIds: string[] } };
};
