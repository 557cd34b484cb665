// What Cinder needs of a storage backend. Drivers: adapters/nfs, adapters/ontap, adapters/sim.
// Contract suite: volume-backend.testing.ts. A backend knows ids and bytes, no tenants and no
// states: who may do what, and when, is Cinder's to say.
import type { VolumeConnection } from '#contracts/cinder/volume-connection.ts';
import type { Outcome } from '#contracts/common/fault.ts';

export interface BackendFacts {
  /** As `capabilities` and pools show them. */
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
 * How long a call that copies bytes may be wanted. Aborting it ends every process of the call
 * before it resolves: timeout.
 */
export interface CopyOptions {
  signal?: AbortSignal;
}

export type VolumeOrigin =
  | { kind: 'blank' }
  | { kind: 'snapshot'; snapshot: SnapshotKey }
  | { kind: 'volume'; id: string };

/**
 * Every call is safe to repeat, also after a crash in the middle of the one before, and leaves
 * nothing of its own behind on a fault. Faults of all: unavailable (the backend does not answer,
 * the share is missing), timeout. Where something takes room: overQuota (the share is full). Calls
 * that change one volume come one at a time: Cinder's sagas hold its lock.
 */
export interface VolumeBackend {
  facts(): Promise<Outcome<BackendFacts>>;

  /** Of `sizeGib`, thin. A copy of an origin that may be smaller. notFound: no such origin. */
  createVolume(
    id: string,
    sizeGib: number,
    origin: VolumeOrigin,
    options?: CopyOptions,
  ): Promise<Outcome<void>>;
  /** With what is left of its snapshots. One that is not there is fine. */
  deleteVolume(id: string): Promise<Outcome<void>>;
  /**
   * Not while a guest has it: its hypervisor grows the image then. Growing to its own size is fine;
   * conflict: it is larger. notFound.
   */
  extendVolume(id: string, sizeGib: number): Promise<Outcome<void>>;

  /** Of a volume that no guest has. notFound: no such volume. */
  createSnapshot(snapshot: SnapshotKey): Promise<Outcome<void>>;
  /**
   * One that is not there is fine. `inUse`: a guest has the volume; what cannot be done under it
   * waits for `settle`.
   */
  deleteSnapshot(snapshot: SnapshotKey, options: { inUse: boolean }): Promise<Outcome<void>>;
  /**
   * The guest has let go of the volume: does what waited. Nothing waited, or no such volume: fine.
   */
  settle(volumeId: string): Promise<Outcome<void>>;

  /**
   * Makes the file that shall take the guest's writes; the hypervisor then switches to it. Nothing
   * else changes yet. notFound. No `newFile`: the backend has taken the snapshot itself, under the
   * running guest, and there is nothing to switch.
   */
  prepareOnlineSnapshot(snapshot: SnapshotKey): Promise<Outcome<{ newFile?: string }>>;
  /** The hypervisor has switched, or had nothing to. */
  finishOnlineSnapshot(snapshot: SnapshotKey): Promise<Outcome<void>>;
  /** The hypervisor has not switched, and will not. */
  abandonOnlineSnapshot(snapshot: SnapshotKey): Promise<Outcome<void>>;

  /** How a host reaches it now: another file takes the writes after a snapshot. notFound. */
  connection(id: string): Promise<Outcome<VolumeConnection>>;

  /**
   * Overwrites the volume with a local image file, whose content is a tenant's (`diskFormat`:
   * Glance's). tooLarge: the image needs more than
   * `sizeGib`; badRequest: it is no such image, or may not be used; its owner may read why.
   */
  importFile(
    id: string,
    sizeGib: number,
    file: { path: string; diskFormat: string },
    options?: CopyOptions,
  ): Promise<Outcome<void>>;
  /**
   * Writes its content, or that of a snapshot, into a new local file. Not while a guest writes it.
   * notFound.
   */
  exportFile(
    source: { volumeId: string } | { snapshot: SnapshotKey },
    file: { path: string; format: 'raw' | 'qcow2' },
    options?: CopyOptions,
  ): Promise<Outcome<void>>;

  /**
   * What lies there, for the audit: volumes with their snapshots, and names that belong to neither.
   */
  inventory(): Promise<
    Outcome<{ volumes: { id: string; snapshots: string[] }[]; strays: string[] }>
  >;

  close(): void;
}
