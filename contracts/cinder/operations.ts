// What cinder-api starts and cinder-volume and cinder-backup carry out: names and inputs of all
// sagas of Cinder, and the lock keys that put them in order. Inputs are journalled: a release reads
// what the one before wrote.
import type { VolumeStatus } from './volume-states.ts';

/** Sagas of one key run one after the other, in order of their transactions. */
export type CinderLock = `volume:${string}` | `backup:${string}`;

/** The lock of everything that changes a volume, its snapshots included. */
export const volumeLock = (volumeId: string): CinderLock => `volume:${volumeId}`;

/**
 * The lock of a backup's data, which imports and deletions of all who share it take; what touches a
 * volume takes the volume's.
 */
export const backupLock = (dataId: string): CinderLock => `backup:${dataId}`;

/** What a new volume is a copy of. Its backend is the volume's. */
export type CopiedOrigin =
  | {
      kind: 'snapshot';
      id: string;
      volumeId: string;
      /** Taken for this copy alone, since a guest has the volume. */
      temporary?: true;
    }
  | { kind: 'volume'; id: string };

export type CreateVolumeInput = {
  volumeId: string;
  projectId: string;
  /** null: a blank volume, or one that is filled from the image. */
  origin: CopiedOrigin | null;
  imageId: string | null;
};

export type SnapshotInput = { snapshotId: string; volumeId: string; projectId: string };

/** `name: input`. The first group is carried out by cinder-volume, the second by cinder-backup. */
export type CinderVolumeOperations = {
  /** A blank volume; journals of earlier releases hold copies under this name, too. */
  'cinder.create-volume': CreateVolumeInput;
  /** A volume with the bytes of a snapshot, a volume or an image. */
  'cinder.create-volume-with-data': CreateVolumeInput;
  'cinder.delete-volume': { volumeId: string; projectId: string };
  'cinder.extend-volume': {
    volumeId: string;
    projectId: string;
    oldGib: number;
    newGib: number;
    attached: boolean;
  };
  /** After the last attachment went: what waited for it is done, then the volume is free. */
  'cinder.release-volume': { volumeId: string };
  'cinder.create-snapshot': SnapshotInput;
  'cinder.delete-snapshot': SnapshotInput;
  /** `imageId`: of the image that the API makes, without data, right after this is journalled. */
  'cinder.upload-image': {
    volumeId: string;
    projectId: string;
    imageId: string;
    diskFormat: 'raw' | 'qcow2';
  };
};

export type CinderBackupOperations = {
  'cinder.create-backup': {
    backupId: string;
    volumeId: string;
    snapshotId: string | null;
    /** The snapshot was taken for this backup alone, since a guest has the volume. */
    temporary: boolean;
    projectId: string;
    /** The volume's status, to which it goes back. */
    before: VolumeStatus;
  };
  'cinder.restore-backup': {
    backupId: string;
    volumeId: string;
    projectId: string;
    /** The volume is made for it: it is placed and created first. */
    created: boolean;
  };
  'cinder.delete-backup': { backupId: string; projectId: string };
  /** Takes up data that lies in the store already. */
  'cinder.import-backup': { backupId: string; dataId: string; projectId: string };
};

export type CinderOperations = CinderVolumeOperations & CinderBackupOperations;
