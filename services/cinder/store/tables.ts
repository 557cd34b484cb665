// Rows of Cinder's tables. Times are ms since the epoch, booleans 0 or 1, `_json` columns hold JSON
// text. Deleted objects leave no row.
import type { CinderLock } from '#contracts/cinder/operations.ts';
import type {
  AttachStatus,
  BackupStatus,
  SnapshotStatus,
  VolumeStatus,
} from '#contracts/cinder/volume-states.ts';
import type { SagaTables } from '#platform/saga/journal.ts';

export interface VolumeRow {
  id: string;
  project_id: string;
  user_id: string;
  name: string | null;
  description: string | null;
  size_gib: number;
  /** GiB that an extension in progress adds; quotas count them. */
  extending_gib: number;
  status: VolumeStatus;
  availability_zone: string;
  /** `<control host>@<backend>#<pool>`; null: not placed yet. */
  host: string | null;
  type_id: string | null;
  snapshot_id: string | null;
  source_volid: string | null;
  bootable: number;
  /** null: never set. */
  readonly: number | null;
  metadata_json: string;
  /** Metadata of the image it was created from; '{}': none. */
  image_metadata_json: string;
  /**
   * While it is copied from another volume: that volume's lock, which the creation's saga holds.
   */
  creating_lock: CinderLock | null;
  created_at_ms: number;
  updated_at_ms: number | null;
}

export interface AttachmentRow {
  id: string;
  volume_id: string;
  project_id: string;
  server_id: string | null;
  host_name: string | null;
  device: string | null;
  status: AttachStatus;
  mode: 'rw' | 'ro';
  /** null: the attachment is only reserved. */
  connector_json: string | null;
  /** The connection info with `data` nested; null: not connected yet. */
  connection_json: string | null;
  created_at_ms: number;
  attached_at_ms: number | null;
}

export interface SnapshotRow {
  id: string;
  volume_id: string;
  project_id: string;
  user_id: string;
  name: string | null;
  description: string | null;
  status: SnapshotStatus;
  progress: string;
  size_gib: number;
  metadata_json: string;
  /** Nova's part in an online snapshot; null: Nova was not asked. */
  assisted: 'asked' | 'done' | 'failed' | null;
  created_at_ms: number;
  updated_at_ms: number | null;
}

export interface BackupRow {
  id: string;
  project_id: string;
  user_id: string;
  name: string | null;
  description: string | null;
  status: BackupStatus;
  fail_reason: string | null;
  volume_id: string;
  snapshot_id: string | null;
  availability_zone: string;
  container: string | null;
  /** Size of the volume, or of the snapshot, that was backed up. */
  size_gib: number;
  /** Number of objects that hold the data, as in stock Cinder; 0 until the backup is complete. */
  object_count: number;
  metadata_json: string;
  /**
   * What a restored volume copies from the original besides data: `{bootable, metadata,
   * imageMetadata}`.
   */
  volume_facts_json: string;
  /**
   * The id of its data in the store; null: its own id. Differs for a backup that was imported
   * beside its original, with which it shares the data.
   */
  data_id: string | null;
  /**
   * The moment that the data show: when the snapshot was taken, or the backup was requested. null:
   * not known, for an imported backup.
   */
  data_at_ms: number | null;
  created_at_ms: number;
  updated_at_ms: number | null;
}

export interface VolumeTypeRow {
  id: string;
  name: string;
  description: string | null;
  is_public: number;
  extra_specs_json: string;
  created_at_ms: number;
}

export interface TransferRow {
  id: string;
  volume_id: string;
  project_id: string;
  name: string | null;
  /** Random hex; hashed together with the key. */
  salt: string;
  /**
   * sha256 over `<salt>:<key>`, hex. The key itself is shown only once, in the response that
   * creates the transfer.
   */
  key_hash: string;
  /** 1: requested as a transfer without snapshots, which is refused if the volume has any. */
  no_snapshots: number;
  created_at_ms: number;
}

export interface MessageRow {
  id: string;
  project_id: string;
  request_id: string;
  resource_type: 'VOLUME' | 'VOLUME_SNAPSHOT' | 'VOLUME_BACKUP';
  resource_id: string;
  action_id: string;
  detail_id: string;
  user_message: string;
  created_at_ms: number;
  expires_at_ms: number;
}

export interface ServiceRow {
  binary: string;
  host: string;
  zone: string;
  disabled: number;
  disabled_reason: string | null;
  /** 0: a backend that has never answered. */
  heartbeat_at_ms: number;
}

export interface CinderTables extends SagaTables {
  volumes: VolumeRow;
  attachments: AttachmentRow;
  snapshots: SnapshotRow;
  backups: BackupRow;
  volume_types: VolumeTypeRow;
  type_access: { type_id: string; project_id: string };
  transfers: TransferRow;
  messages: MessageRow;
  services: ServiceRow;
  /** Project '' is the default class. */
  quotas: { project_id: string; resource: string; hard_limit: number };
  quota_locks: { project_id: string; touched: number };
  /** One-time work that is done, e.g. the seed. */
  marks: { name: string };
}
