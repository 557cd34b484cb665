// The pause before something is tried again on a database, by the clock and the chance that the
// database was opened with: stores have no other deps than their `db`.
import type { DialectAdapter, Kysely } from 'kysely';

/** How often work is tried that waits for another writer, or for the server, before it fails. */
export const maxAttempts = 5;
/** The same for what fails at once: about 4 s in all. */
export const maxConflicts = 25;
const longestBackoffs = 10;

/** Before attempt 2, 3, ...: growing, up to a bound. */
export const pauseMs = (backoffMs: number, attempt: number): number =>
  backoffMs * Math.min(attempt, longestBackoffs);

/** Waits about `ms`: between half and one and a half. */
export type Pause = (ms: number) => Promise<void>;

// The adapter is what a Kysely and its transactions have in common.
const pauses = new WeakMap<DialectAdapter, Pause>();

/** Gives the adapter back. Called where a dialect is made. */
export function withPause<A extends DialectAdapter>(adapter: A, pause: Pause): A {
  pauses.set(adapter, pause);
  return adapter;
}

export async function retryPause(db: Kysely<any>, ms: number): Promise<void> {
  const pause = pauses.get(db.getExecutor().adapter);
  if (!pause) throw new Error('this database was not opened by openDatabase');
  await pause(ms);
}
