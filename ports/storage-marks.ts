// Marks of hosts on the shared storage, by which one host sees that another one still reaches it:
// each writes its own, which it changes again and again, and reads those of others past all caches.
// Drivers: adapters/nfs, adapters/sim.
import type { Outcome } from '#contracts/common/fault.ts';

/** Faults of every call: unavailable, timeout: the storage is away; overQuota. Safe to repeat. */
export interface StorageMarks {
  /** Appears whole, and at once for every reader. At most 255 characters. */
  write(host: string, mark: string): Promise<Outcome<void>>;
  /** What that host wrote last. notFound: it never has. */
  read(host: string): Promise<Outcome<string>>;
  close(): void;
}
