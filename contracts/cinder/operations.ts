// Operations that cinder-api starts and cinder-volume and cinder-backup execute: names and inputs
// of all sagas of Cinder, and the lock keys that order them. Inputs are journalled: each release
// reads what the previous one wrote.
import type { VolumeStatus } from './volume-states.ts';

/**
 * A lock key: sagas with the same key run one after the other, in the order of their transactions.
 */
export type CinderLock = `volume:${string}` | `backup:${string}`;

/** The lock for all changes of a volume, its snapshots included. */
export const volumeLock = (volumeId: string): CinderLock => `volume:${volumeId}`;

/**
 * The lock of a backup's data, for imports and deletions of all backups that share it; operations
 * that use a volume take the volume's lock.
 */
export const backupLock = (dataId: string): CinderLock => `backup:${dataId}`;

/** The origin of a new volume's data. It is on the volume's own backend. */
export type CopiedOrigin =
  | {
      kind: 'snapshot';
      id: string;
      volumeId: string;
      /** The snapshot was created for this copy only, since a guest uses the volume. */
      temporary?: true;
    }
  | { kind: 'volume'; id: string };

export type CreateVolumeInput = {
  volumeId: string;
  projectId: string;
  /** What is copied into the volume; null: nothing, it stays blank or is filled from the image. */
  origin: CopiedOrigin | null;
  imageId: string | null;
};

export type SnapshotInput = { snapshotId: string; volumeId: string; projectId: string };

/** The sagas that cinder-volume executes: `name: input`. */
export type CinderVolumeOperations = {
  /** A blank volume; in journals of earlier releases also copies have this name. */
  'cinder.create-volume': CreateVolumeInput;
  /** A volume with the data of a snapshot, a volume or an image. */
  'cinder.create-volume-with-data': CreateVolumeInput;
  'cinder.delete-volume': { volumeId: string; projectId: string };
  'cinder.extend-volume': {
    volumeId: string;
    projectId: string;
    oldGib: number;
    newGib: number;
    attached: boolean;
  };
  /**
   * After the last attachment was removed: finishes work that waited for it, then the volume is
   * available.
   */
  'cinder.release-volume': { volumeId: string };
  'cinder.create-snapshot': SnapshotInput;
  'cinder.delete-snapshot': SnapshotInput;
  /**
   * Uploads the volume's data to the image `imageId`, which the API creates, without data, right
   * after this is journalled.
   */
  'cinder.upload-image': {
    volumeId: string;
    projectId: string;
    imageId: string;
    diskFormat: 'raw' | 'qcow2';
  };
};

/** The sagas that cinder-backup executes: `name: input`. */
export type CinderBackupOperations = {
  'cinder.create-backup': {
    backupId: string;
    volumeId: string;
    snapshotId: string | null;
    /** Whether the snapshot was created for this backup only, since a guest uses the volume. */
    temporary: boolean;
    projectId: string;
    /** The volume's status, which is restored afterwards. */
    before: VolumeStatus;
  };
  'cinder.restore-backup': {
    backupId: string;
    volumeId: string;
    projectId: string;
    /** Whether the volume was created for this restore: it is then scheduled and created first. */
    created: boolean;
  };
  'cinder.delete-backup': { backupId: string; projectId: string };
  /** Takes over data that is in the store already. */
  'cinder.import-backup': { backupId: string; dataId: string; projectId: string };
};

export type CinderOperations = CinderVolumeOperations & CinderBackupOperations;
