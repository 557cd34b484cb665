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
  /** A saga is working on the guest: the agent must not touch it. */
  busy: boolean;
  /** The interfaces that the guest should have; null: the agent must not compare them now. */
  nics: GuestNic[] | null;
  /** The volumes that the guest should have; null: the agent must not compare them now. */
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
   * Removes what a request created at other services (pending resources) and never committed. A
   * fault: something cannot be removed yet. Idempotent, also under concurrency.
   */
  removeAbandoned: { params: { id: string }; result: null };
  /**
   * Neutron reported an event of a server's port: wakes the sagas that wait for it. Sent as a cast;
   * if it is lost, the next poll finds the change.
   */
  networkEvent: {
    params: { serverId: string; portId: string | null; event: NetworkEvent };
    result: null;
  };
  /**
   * Cinder reported that a server's volume was extended. Sent as a cast; if it is lost, the guest
   * sees the new size only after the volume was detached.
   */
  volumeExtended: { params: { serverId: string; volumeId: string }; result: null };
  /**
   * A heartbeat with facts: marks the host's compute service as up, and returns the host's stable
   * identity. `starting`: the first heartbeat after the agent's start, which registers the host.
   * notFound: the host's compute service was deleted, and stays so until the agent is restarted.
   * `startsDisabled`: if this heartbeat registers the host, it is disabled until somebody enables
   * it; absent: it starts enabled.
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
   * The agent is stopping, on command or because its host is shutting down: marks the host's
   * compute service as down at once. Idempotent.
   */
  agentStops: { params: { host: string }; result: null };
  /**
   * Observed power states; `complete` if the list contains every guest of the host. `busy`: guests
   * whose state was not taken over, since a saga is working on their server: to be reported again.
   * Result null: from a conductor of the previous release. Idempotent.
   */
  reportGuests: {
    params: { host: string; guests: { uuid: string; state: GuestState }[]; complete: boolean };
    result: { busy: string[] } | null;
  };
  /**
   * The desired state of the guests `uuids`, which were found on the host, and of all servers
   * placed there.
   */
  expectedGuests: {
    params: { host: string; uuids: string[] };
    result: { guests: ExpectedGuest[] };
  };
  /** Ids of the images that servers on the host are built from. */
  imagesInUse: { params: { host: string }; result: { imageIds: string[] } };
};
