// The pause before a retry on a database, by the clock and random source with which the database
// was opened: stores receive only a `db`, so the pause is looked up by it.
import type { DialectAdapter, Kysely } from 'kysely';

/** Attempts for work that waits for another writer, or for the server, before it fails. */
export const maxAttempts = 5;
/** Attempts for work that conflicts with another writer and fails at once: about 4 s in all. */
export const maxConflicts = 25;
/** The mean pause grows up to this many times `backoffMs`. */
const longestBackoffs = 10;

/** The mean pause before attempt 2, 3, ..., in ms: grows with the attempt, up to a bound. */
export const pauseMs = (backoffMs: number, attempt: number): number =>
  backoffMs * Math.min(attempt, longestBackoffs);

/** Waits for about `ms`: between half of it and one and a half. */
export type Pause = (ms: number) => Promise<void>;

// Keyed by adapter, the one object that a Kysely shares with its transactions.
const pauses = new WeakMap<DialectAdapter, Pause>();

/**
 * Registers the pause of a dialect's adapter, and returns the adapter. Called where a dialect is
 * created.
 */
export function withPause<A extends DialectAdapter>(adapter: A, pause: Pause): A {
  pauses.set(adapter, pause);
  return adapter;
}

/** Waits about `ms`. Throws if the database was not opened by database.ts. */
export async function retryPause(db: Kysely<any>, ms: number): Promise<void> {
  const pause = pauses.get(db.getExecutor().adapter);
  if (!pause) throw new Error('this database was not opened by openDatabase');
  await pause(ms);
}
