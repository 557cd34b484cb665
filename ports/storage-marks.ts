// Heartbeats of hosts on the shared storage, which show other hosts that a host still reaches the
// storage. Each host writes its own mark, which it changes again and again, and reads those of
// others past all caches. Drivers: adapters/nfs, adapters/sim.
import type { Outcome } from '#contracts/common/fault.ts';

/**
 * The marks of all hosts. Faults of every call: unavailable, timeout (the storage does not answer),
 * overQuota. Safe to repeat.
 */
export interface StorageMarks {
  /**
   * Writes this host's mark, atomically and visible to every reader at once. At most 255
   * characters.
   */
  write(host: string, mark: string): Promise<Outcome<void>>;
  /** The mark that the host wrote last. notFound: it has never written one. */
  read(host: string): Promise<Outcome<string>>;
  close(): void;
}
