// Where backups are stored: separate from the volume backends, so that a lost share does not lose
// its backups. Called by Cinder; driver: adapters/file-backup-store. Contract suite:
// backup-store.testing.ts.
import type { Readable } from 'node:stream';
import type { Outcome } from '#contracts/common/fault.ts';

export interface StoredBackup {
  sizeBytes: number;
  /** SHA-256 of all bytes, in hex. */
  sha256: string;
}

/**
 * A backup store. The caller chooses ids, `[A-Za-z0-9_-]{1,128}`. A backup exists completely or not
 * at all, also after a power failure. Every call is idempotent. Faults of every call: unavailable
 * (the store cannot be reached).
 */
export interface BackupStore {
  /** The backup's `container` in Cinder's API. */
  readonly name: string;
  /**
   * Reads the source to its end; the backup is durable when this resolves. Replaces what an earlier
   * attempt left. `stallMs`: how long the source may send nothing before it counts as ended.
   * overQuota: no space left; badRequest: the source ended early.
   */
  write(id: string, source: Readable, options: { stallMs: number }): Promise<Outcome<StoredBackup>>;
  /**
   * Writes the backup into a new local file and compares its checksum with that of `write`.
   * notFound; conflict: the data differ from what was written.
   */
  read(id: string, path: string): Promise<Outcome<StoredBackup>>;
  /** Removes the backup, or an unfinished write of it. Does nothing if there is none. */
  remove(id: string): Promise<Outcome<void>>;
  /** Ids of complete backups. */
  list(): Promise<Outcome<string[]>>;
}
