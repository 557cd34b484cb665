// Calls of conductor and API to a Nova Agent, topic `compute.<host>`. Every call is idempotent.
// unavailable: no agent is running on that host.
import type { VolumeConnection } from '../cinder/volume-connection.ts';
import type {
  DiskOffer,
  HostFacts,
  GuestDiagnostics,
  GuestNic,
  GuestSpec,
  GuestState,
  GuestVolume,
} from './guest.ts';
import type {
  GuestArrival,
  GuestDeparture,
  MigrationProgress,
  MigrationTerms,
} from './live-migration.ts';

export const computeTopic = (host: string): string => `compute.${host}`;

/**
 * The calls by method. Faults: those of the method in ports/hypervisor.ts that the agent calls for
 * it, e.g. `create` for `buildGuest`, and those of `ensureImage` where images are downloaded;
 * `unavailable` also while the agent is starting.
 */
export type ComputeAgentRpc = {
  /**
   * Downloads the images into the cache, creates disks and domain, and starts the guest. A running
   * guest is left alone.
   */
  buildGuest: { params: { spec: GuestSpec }; result: null };
  /**
   * Defines a guest anew from `spec` whose disks are on this host already (fetched from another
   * host, or left by a move that is undone), and starts it unless `start` is false. A running guest
   * is left alone. Before, downloads its images into the cache, as far as Glance still has them.
   */
  placeGuest: { params: { spec: GuestSpec; start: boolean }; result: null };
  /**
   * Offers the guest's disks to another host: `offerDisks` in ports/hypervisor.ts. The answer
   * contains a secret.
   */
  offerDisks: { params: { uuid: string; flat: boolean; forMs: number }; result: DiskOffer };
  withdrawDisks: { params: { uuid: string }; result: null };
  /**
   * Downloads the guest's images into the host's cache, before the disks are fetched; notFound:
   * Glance does not have one of them.
   */
  prepareMove: { params: { spec: GuestSpec }; result: null };
  fetchDisks: { params: { spec: GuestSpec; offer: DiskOffer }; result: null };
  /**
   * Ends, with a fault, work on the guest that is still downloading images or fetching disks. No
   * effect otherwise. Called when the server is being deleted.
   */
  abandonBuild: { params: { uuid: string }; result: null };
  /** Recreates the root disk from the image; starts the guest unless `start` is false. */
  rebuildGuest: { params: { spec: GuestSpec; start: boolean }; result: null };
  /**
   * Breaks the locks that `host` holds on the guest's volumes, so that this host can lock them.
   * `host` must be fenced: see `breakLocks` in ports/hypervisor.ts.
   */
  breakLocks: { params: { spec: GuestSpec; host: string }; result: null };
  startGuest: { params: { uuid: string }; result: null };
  /** Requests a shutdown by ACPI, waits up to `timeoutMs`, then switches the power off. */
  stopGuest: { params: { uuid: string; timeoutMs: number }; result: null };
  rebootGuest: { params: { uuid: string; kind: 'soft' | 'hard'; timeoutMs: number }; result: null };
  pauseGuest: { params: { uuid: string }; result: null };
  unpauseGuest: { params: { uuid: string }; result: null };
  suspendGuest: { params: { uuid: string }; result: null };
  resumeGuest: { params: { uuid: string }; result: null };
  rescueGuest: { params: { uuid: string; spec: GuestSpec }; result: null };
  unrescueGuest: { params: { uuid: string }; result: null };
  /** Removes the guest with its disks; no effect if it does not exist. */
  destroyGuest: { params: { uuid: string }; result: null };
  /** Attaches the interface now and for later starts; no effect if it is attached. */
  attachNic: { params: { uuid: string; nic: GuestNic }; result: null };
  /** Detaches the port's interface, now and for later starts; no effect if it is not attached. */
  detachNic: { params: { uuid: string; portId: string }; result: null };
  /** Attaches the volume now and for later starts; no effect if it is attached. */
  attachVolume: { params: { uuid: string; volume: GuestVolume }; result: null };
  /**
   * Detaches the volume, now and for later starts; no effect if it is not attached or the guest
   * does not exist.
   */
  detachVolume: { params: { uuid: string; volumeId: string }; result: null };
  resizeVolume: { params: { uuid: string; volumeId: string; sizeGib: number }; result: null };
  snapshotVolume: {
    params: { uuid: string; volumeId: string; next: VolumeConnection };
    result: null;
  };
  /**
   * Uploads a copy of the root disk as qcow2 to the image `imageId`, which is `queued` in Glance.
   * No effect if the image has its data.
   */
  uploadRoot: { params: { uuid: string; imageId: string }; result: null };
  guestDeparture: { params: { uuid: string }; result: { departure: GuestDeparture } };
  /**
   * Downloads the images into the cache and prepares the host for a guest that will live-migrate to
   * it.
   */
  prepareArrival: {
    params: { spec: GuestSpec; departure: GuestDeparture };
    result: { arrival: GuestArrival };
  };
  abandonArrival: { params: { uuid: string }; result: null };
  /**
   * Starts the guest's live migration away from this host, or joins one in progress. Answers when
   * it has ended, after `waitMs` at the latest (long poll): the caller then calls again. `queued`:
   * other migrations go first.
   */
  migrateGuest: {
    params: { uuid: string; terms: MigrationTerms; waitMs: number };
    result: { state: 'queued' | 'moving' | 'left'; progress: MigrationProgress | null };
  };
  /** Aborts the guest's live migration away from this host; also cancels a queued one. */
  abortMigration: { params: { uuid: string }; result: null };
  completeMigration: { params: { uuid: string; postCopy: boolean }; result: null };
  /** Whether a live migration of the guest away from this host is in progress. */
  isDeparting: { params: { uuid: string }; result: { departing: boolean } };
  arrivalState: {
    params: { uuid: string };
    result: { state: 'absent' | 'arriving' | 'arrived' };
  };
  settleArrival: { params: { uuid: string }; result: null };
  forgetDeparted: { params: { uuid: string }; result: null };
  pciAddresses: { params: { uuid: string }; result: { addresses: Record<string, string> } };
  guestState: { params: { uuid: string }; result: { state: GuestState } };
  consoleLog: { params: { uuid: string; maxBytes: number }; result: { text: string } };
  vncConsole: { params: { uuid: string }; result: { socketPath: string } };
  diagnostics: { params: { uuid: string }; result: { diagnostics: GuestDiagnostics } };
  facts: { params: Record<string, never>; result: { facts: HostFacts } };
};
