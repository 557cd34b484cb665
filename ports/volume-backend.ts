// What Cinder needs of a storage backend. Drivers: adapters/nfs, adapters/ontap, adapters/sim.
// Contract suite: volume-backend.testing.ts. A backend knows ids and bytes, no tenants and no
// states: Cinder decides who may do what, and when.
import type { VolumeConnection } from '#contracts/cinder/volume-connection.ts';
import type { Outcome } from '#contracts/common/fault.ts';

export interface BackendFacts {
  /** As shown in `capabilities` and pools. */
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
 * Limits a call that copies bytes. Aborting the signal ends every process of the call before it
 * resolves: timeout.
 */
export interface CopyOptions {
  signal?: AbortSignal;
}

export type VolumeOrigin =
  | { kind: 'blank' }
  | { kind: 'snapshot'; snapshot: SnapshotKey }
  | { kind: 'volume'; id: string };

/**
 * Every call is safe to repeat, also after a crash during an earlier one, and leaves nothing of its
 * own behind on a fault. Faults of every call: unavailable (the backend does not answer, the share
 * is missing), timeout. Of calls that need space: overQuota (the share is full). Calls that change
 * one volume never overlap: Cinder's sagas hold its lock.
 */
export interface VolumeBackend {
  facts(): Promise<Outcome<BackendFacts>>;

  /** With `sizeGib`, thin-provisioned; the origin may be smaller. notFound: no such origin. */
  createVolume(
    id: string,
    sizeGib: number,
    origin: VolumeOrigin,
    options?: CopyOptions,
  ): Promise<Outcome<void>>;
  /** Also removes what is left of its snapshots. Does nothing if it does not exist. */
  deleteVolume(id: string): Promise<Outcome<void>>;
  /**
   * Not while a guest has the volume: its hypervisor then grows the image. Does nothing if it has
   * that size; conflict: it is larger. notFound.
   */
  extendVolume(id: string, sizeGib: number): Promise<Outcome<void>>;

  /** Of a volume that no guest has. notFound: no such volume. */
  createSnapshot(snapshot: SnapshotKey): Promise<Outcome<void>>;
  /**
   * Does nothing if it does not exist. `inUse`: a guest has the volume; work that is impossible
   * meanwhile is left to `settle`.
   */
  deleteSnapshot(snapshot: SnapshotKey, options: { inUse: boolean }): Promise<Outcome<void>>;
  /**
   * The guest has released the volume: finishes the work that waited for it. Does nothing if none
   * did, or if there is no such volume.
   */
  settle(volumeId: string): Promise<Outcome<void>>;

  /**
   * Creates the file to which the hypervisor will then redirect the guest's writes. Nothing else
   * changes yet. notFound. Without `newFile`: the backend has taken the snapshot itself, under the
   * running guest, and there is nothing to redirect.
   */
  prepareOnlineSnapshot(snapshot: SnapshotKey): Promise<Outcome<{ newFile?: string }>>;
  /** The hypervisor has redirected the writes, or there was nothing to redirect. */
  finishOnlineSnapshot(snapshot: SnapshotKey): Promise<Outcome<void>>;
  /** The hypervisor has not redirected the writes, and will not. */
  abandonOnlineSnapshot(snapshot: SnapshotKey): Promise<Outcome<void>>;

  /** How a host reaches it at present: after a snapshot another file is written to. notFound. */
  connection(id: string): Promise<Outcome<VolumeConnection>>;

  /**
   * Overwrites the volume with a local image file from a tenant (`diskFormat`: Glance's). tooLarge:
   * the image needs more than `sizeGib`; badRequest: it is not such an image, or may not be used;
   * its owner may read the reason.
   */
  importFile(
    id: string,
    sizeGib: number,
    file: { path: string; diskFormat: string },
    options?: CopyOptions,
  ): Promise<Outcome<void>>;
  /**
   * Writes the content of the volume, or of a snapshot, into a new local file. Not while a guest
   * writes to it. notFound.
   */
  exportFile(
    source: { volumeId: string } | { snapshot: SnapshotKey },
    file: { path: string; format: 'raw' | 'qcow2' },
    options?: CopyOptions,
  ): Promise<Outcome<void>>;

  /**
   * What the backend holds, for the audit: volumes with their snapshots, and names that belong to
   * neither.
   */
  inventory(): Promise<
    Outcome<{ volumes: { id: string; snapshots: string[] }[]; strays: string[] }>
  >;

  close(): void;
}
