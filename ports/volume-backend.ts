// What Cinder uses of a storage backend. Drivers: adapters/nfs, adapters/ontap, adapters/sim.
// Contract suite: volume-backend.testing.ts. A backend knows ids and bytes, but no tenants and no
// volume states: Cinder decides who may do what, and when.
import type { VolumeConnection } from '#contracts/cinder/volume-connection.ts';
import type { Outcome } from '#contracts/common/fault.ts';

export interface BackendFacts {
  /** The vendor, as shown in the API's `capabilities` and pools. */
  vendorName: string;
  driverVersion: string;
  storageProtocol: string;
  totalGib: number;
  freeGib: number;
}

export interface SnapshotKey {
  id: string;
  volumeId: string;
}

/**
 * Limits a call that copies bytes. On abort, every process of the call ends before it resolves,
 * with `timeout`.
 */
export interface CopyOptions {
  signal?: AbortSignal;
}

export type VolumeOrigin =
  | { kind: 'blank' }
  | { kind: 'snapshot'; snapshot: SnapshotKey }
  | { kind: 'volume'; id: string };

/**
 * A storage backend. Every call is idempotent, also after a crash during an earlier one, and after
 * a fault leaves nothing of its own behind. Faults of every call: unavailable (the backend does not
 * answer, the share is missing), timeout. Of calls that need space: overQuota (the share is full).
 * Calls that change one volume never overlap: Cinder's sagas hold a lock on the volume.
 */
export interface VolumeBackend {
  facts(): Promise<Outcome<BackendFacts>>;

  /**
   * Creates a thin-provisioned volume of `sizeGib`, from an origin that may be smaller. notFound:
   * no such origin.
   */
  createVolume(
    id: string,
    sizeGib: number,
    origin: VolumeOrigin,
    options?: CopyOptions,
  ): Promise<Outcome<void>>;
  /** Deletes a volume and what is left of its snapshots. Does nothing if it does not exist. */
  deleteVolume(id: string): Promise<Outcome<void>>;
  /**
   * Grows a volume. Not to be called while a guest has the volume: then its hypervisor grows the
   * image. Does nothing if it has that size. notFound; conflict: it is larger.
   */
  extendVolume(id: string, sizeGib: number): Promise<Outcome<void>>;

  /** Snapshots a volume that no guest has attached. notFound: no such volume. */
  createSnapshot(snapshot: SnapshotKey): Promise<Outcome<void>>;
  /**
   * Deletes a snapshot. Does nothing if it does not exist. `inUse`: a guest has the volume
   * attached; work that is impossible meanwhile is left to `settle`.
   */
  deleteSnapshot(snapshot: SnapshotKey, options: { inUse: boolean }): Promise<Outcome<void>>;
  /**
   * Called when the guest has released the volume: does the work that `deleteSnapshot` had to
   * leave. Does nothing if there is none, or no such volume.
   */
  settle(volumeId: string): Promise<Outcome<void>>;

  /**
   * Prepares a snapshot of an attached volume: creates `newFile`, to which the hypervisor is then
   * to redirect the guest's writes; nothing else changes yet. Without `newFile` in the result the
   * backend has taken the snapshot itself, under the running guest, and there is nothing to
   * redirect. notFound.
   */
  prepareOnlineSnapshot(snapshot: SnapshotKey): Promise<Outcome<{ newFile?: string }>>;
  /**
   * Called when the hypervisor has redirected the writes, or when there was nothing to redirect.
   */
  finishOnlineSnapshot(snapshot: SnapshotKey): Promise<Outcome<void>>;
  /** Called when the hypervisor has not redirected the writes, and will not. */
  abandonOnlineSnapshot(snapshot: SnapshotKey): Promise<Outcome<void>>;

  /**
   * How a host reaches the volume at present; changes with a snapshot, after which another file is
   * written to. notFound.
   */
  connection(id: string): Promise<Outcome<VolumeConnection>>;

  /**
   * Overwrites the volume with a local image file of a tenant. `diskFormat`: Glance's. tooLarge:
   * the image needs more than `sizeGib`; badRequest: the file does not have that format or may not
   * be used; its owner may read the message.
   */
  importFile(
    id: string,
    sizeGib: number,
    file: { path: string; diskFormat: string },
    options?: CopyOptions,
  ): Promise<Outcome<void>>;
  /**
   * Writes the content of a volume or snapshot into a new local file. Not to be called while a
   * guest writes to the volume. notFound.
   */
  exportFile(
    source: { volumeId: string } | { snapshot: SnapshotKey },
    file: { path: string; format: 'raw' | 'qcow2' },
    options?: CopyOptions,
  ): Promise<Outcome<void>>;

  /**
   * Everything that the backend holds, for the audit: volumes with their snapshots, and `strays`,
   * names that belong to neither.
   */
  inventory(): Promise<
    Outcome<{ volumes: { id: string; snapshots: string[] }[]; strays: string[] }>
  >;

  close(): void;
}
