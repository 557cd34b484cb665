// Where backups are stored: apart from the backends, so that a lost share does not lose its
// backups. Called by Cinder; driver: adapters/file-backup-store. Contract suite:
// backup-store.testing.ts.
import type { Readable } from 'node:stream';
import type { Outcome } from '#contracts/common/fault.ts';

export interface StoredBackup {
  sizeBytes: number;
  /** Hex, of all bytes. */
  sha256: string;
}

/**
 * Ids are chosen by the caller, `[A-Za-z0-9_-]{1,128}`. A backup exists completely or not at all,
 * also after a power failure. Every call is safe to repeat. Faults of every call: unavailable (the
 * store cannot be reached).
 */
export interface BackupStore {
  /** `container` in the API. */
  readonly name: string;
  /**
   * Reads the source to its end; durable when it resolves. Replaces what an earlier attempt left.
   * overQuota: no space left; badRequest: the source ended early.
   */
  write(id: string, source: Readable, options: { stallMs: number }): Promise<Outcome<StoredBackup>>;
  /**
   * Writes the backup into a new local file and compares its checksum with that of `write`.
   * notFound; conflict: the data differ from what was written.
   */
  read(id: string, path: string): Promise<Outcome<StoredBackup>>;
  /** Also removes an unfinished write. Does nothing if there is none. */
  remove(id: string): Promise<Outcome<void>>;
  /** Ids of complete backups. */
  list(): Promise<Outcome<string[]>>;
}
