// States of volumes, snapshots, attachments and backups, with the API's names. api-ref block
// storage v3, "Volume statuses".

export const volumeStatuses = [
  'creating',
  'available',
  'reserved',
  'attaching',
  'detaching',
  'in-use',
  'maintenance',
  'deleting',
  'awaiting-transfer',
  'error',
  'error_deleting',
  'backing-up',
  'restoring-backup',
  'error_backing-up',
  'error_restoring',
  'error_extending',
  'downloading',
  'uploading',
  'retyping',
  'extending',
] as const;
export type VolumeStatus = (typeof volumeStatuses)[number];

export const snapshotStatuses = [
  'creating',
  'available',
  'backing-up',
  'deleting',
  'error',
  'deleted',
  'unmanaging',
  'restoring',
  'error_deleting',
] as const;
export type SnapshotStatus = (typeof snapshotStatuses)[number];

export const backupStatuses = [
  'creating',
  'available',
  'deleting',
  'error',
  'restoring',
  'error_deleting',
] as const;
export type BackupStatus = (typeof backupStatuses)[number];

export const attachStatuses = [
  'reserved',
  'attaching',
  'attached',
  'detaching',
  'detached',
  'error_attaching',
  'error_detaching',
] as const;
export type AttachStatus = (typeof attachStatuses)[number];
