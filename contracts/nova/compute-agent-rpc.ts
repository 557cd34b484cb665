// Calls of conductor and API to a Nova Agent, topic `compute.<host>`. Every call is safe to repeat.
// Without an agent: unavailable.
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
 * Faults: those of the hypervisor port's method with the same name; `unavailable` also while the
 * agent starts.
 */
export type ComputeAgentRpc = {
  /**
   * Brings the images into the cache, then creates disks and domain and starts it. A running guest
   * is left alone.
   */
  buildGuest: { params: { spec: GuestSpec }; result: null };
  /**
   * Defines a guest whose disks are here anew, as `spec` says now, and starts it unless `start` is
   * false: after its disks were fetched, or when a move comes back. A running guest is left alone.
   * Images that its disks are not made of yet are brought into the cache.
   */
  placeGuest: { params: { spec: GuestSpec; start: boolean }; result: null };
  /** See the port. The answer holds a secret. */
  offerDisks: { params: { uuid: string; flat: boolean; forMs: number }; result: DiskOffer };
  withdrawDisks: { params: { uuid: string }; result: null };
  /** Whether the host has, or can get, the image that the root disk is based on; notFound: not. */
  prepareMove: { params: { spec: GuestSpec }; result: null };
  fetchDisks: { params: { spec: GuestSpec; offer: DiskOffer }; result: null };
  /**
   * The server is being deleted: a build, rebuild or rescue of it that is still downloading images
   * ends with a fault. Does nothing if there is none.
   */
  abandonBuild: { params: { uuid: string }; result: null };
  /** Recreates the root disk; starts the guest unless `start` is false. */
  rebuildGuest: { params: { spec: GuestSpec; start: boolean }; result: null };
  /**
   * Ends the locks that another host, which is down, holds on the guest's volumes, so that this one
   * gets them. See the port.
   */
  breakLocks: { params: { spec: GuestSpec; host: string }; result: null };
  startGuest: { params: { uuid: string }; result: null };
  /** Asks for a shutdown by ACPI for `timeoutMs`, then cuts the power. */
  stopGuest: { params: { uuid: string; timeoutMs: number }; result: null };
  rebootGuest: { params: { uuid: string; kind: 'soft' | 'hard'; timeoutMs: number }; result: null };
  pauseGuest: { params: { uuid: string }; result: null };
  unpauseGuest: { params: { uuid: string }; result: null };
  suspendGuest: { params: { uuid: string }; result: null };
  resumeGuest: { params: { uuid: string }; result: null };
  rescueGuest: { params: { uuid: string; spec: GuestSpec }; result: null };
  unrescueGuest: { params: { uuid: string }; result: null };
  /** Removes the guest with its disks; does nothing if it does not exist. */
  destroyGuest: { params: { uuid: string }; result: null };
  /** Attaches it now and at every later start; does nothing if it is attached. */
  attachNic: { params: { uuid: string; nic: GuestNic }; result: null };
  /** Does nothing if it is not attached. */
  detachNic: { params: { uuid: string; portId: string }; result: null };
  /** Attaches it now and at every later start; does nothing if it is attached. */
  attachVolume: { params: { uuid: string; volume: GuestVolume }; result: null };
  /** Does nothing if the volume is not attached or the guest does not exist. */
  detachVolume: { params: { uuid: string; volumeId: string }; result: null };
  resizeVolume: { params: { uuid: string; volumeId: string; sizeGib: number }; result: null };
  snapshotVolume: {
    params: { uuid: string; volumeId: string; next: VolumeConnection };
    result: null;
  };
  /**
   * Copies the root disk and uploads it, as qcow2, as the data of `imageId`, which is `queued` in
   * Glance. Does nothing if it has its data.
   */
  uploadRoot: { params: { uuid: string; imageId: string }; result: null };
  guestDeparture: { params: { uuid: string }; result: { departure: GuestDeparture } };
  /** Brings the images into the cache, then prepares the host for a guest that moves in. */
  prepareArrival: {
    params: { spec: GuestSpec; departure: GuestDeparture };
    result: { arrival: GuestArrival };
  };
  abandonArrival: { params: { uuid: string }; result: null };
  /**
   * Moves the guest out of this host, or joins its migration, and answers when it has ended, after
   * `waitMs` at the latest: the caller asks again. `queued`: others are first.
   */
  migrateGuest: {
    params: { uuid: string; terms: MigrationTerms; waitMs: number };
    result: { state: 'queued' | 'moving' | 'left'; progress: MigrationProgress | null };
  };
  /** Also of one that is queued. */
  abortMigration: { params: { uuid: string }; result: null };
  completeMigration: { params: { uuid: string; postCopy: boolean }; result: null };
  /** Whether a migration of the guest out of this host is under way. */
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
