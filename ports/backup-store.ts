// Where backups lie: a second store beside the backends, so that a lost share does not take its
// backups along. Cinder calls it; drivers: adapters/file-backup-store. Contract suite:
// backup-store.testing.ts.
import type { Readable } from 'node:stream';
import type { Outcome } from '#contracts/common/fault.ts';

export interface StoredBackup {
  sizeBytes: number;
  /** Hex, of all bytes. */
  sha256: string;
}

/**
 * Ids are chosen by the caller, `[A-Za-z0-9_-]{1,128}`. A backup is there whole or not at all, also
 * after a power failure. Every call is safe to repeat. Faults of all: unavailable (the store cannot
 * be reached).
 */
export interface BackupStore {
  /** `container` in the API. */
  readonly name: string;
  /**
   * Reads the source to its end; durable when it resolves. Replaces what an earlier try left.
   * overQuota: no room; badRequest: the source broke off.
   */
  write(id: string, source: Readable, options: { stallMs: number }): Promise<Outcome<StoredBackup>>;
  /**
   * Writes the backup into a new local file, its checksum held against the one of `write`.
   * notFound; conflict: the data is not what was written.
   */
  read(id: string, path: string): Promise<Outcome<StoredBackup>>;
  /** With what is left of an unfinished write. One that is not there is fine. */
  remove(id: string): Promise<Outcome<void>>;
  /** Ids of whole backups. */
  list(): Promise<Outcome<string[]>>;
}
