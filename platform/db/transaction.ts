// Transactions with retries, and writes whose SQL differs between the dialects. Used by all stores.
import { MysqlAdapter, type Insertable, type Kysely, type Transaction } from 'kysely';
import { isConflict, isTransient, isUnreachable } from './errors.ts';
import { maxAttempts, maxConflicts, pauseMs, retryPause } from './retry-pause.ts';

export interface RetryPolicy {
  maxAttempts: number;
  backoffMs: number;
  /** Attempts on conflicts that fail at once; defaults to `maxAttempts`. */
  maxConflicts?: number;
}

const retryPolicy: RetryPolicy = { maxAttempts, maxConflicts, backoffMs: 20 };

/**
 * Runs `work` in one transaction: committed when it returns, rolled back when it throws. On a
 * deadlock, a lock timeout or a busy SQLite file `work` runs again from its start, so it must have
 * no effects except through `trx`. It also runs again when the connection is lost, unless the
 * commit was under way, since that may have succeeded.
 */
export async function transaction<T, R>(
  db: Kysely<T>,
  work: (trx: Transaction<T>) => Promise<R>,
  retry = retryPolicy,
): Promise<R> {
  for (let attempt = 1; ; attempt += 1) {
    let isCommitting = false;
    try {
      return await db.transaction().execute(async (trx) => {
        const result = await work(trx);
        isCommitting = true;
        return result;
      });
    } catch (error) {
      const mayRepeat = isTransient(error) || (isUnreachable(error) && !isCommitting);
      const most = isConflict(error)
        ? (retry.maxConflicts ?? retry.maxAttempts)
        : retry.maxAttempts;
      if (attempt >= most || !mayRepeat) throw error;
      await retryPause(db, pauseMs(retry.backoffMs, attempt));
    }
  }
}

/**
 * Inserts the row, or updates all its other columns if a row with this `key` exists. Idempotent by
 * `key`.
 */
export async function upsert<T, N extends keyof T & string>(
  db: Kysely<T>,
  table: N,
  row: Insertable<T[N]>,
  key: readonly (keyof T[N] & string)[],
): Promise<void> {
  // Kysely cannot infer the columns of a generic table; the types of `row` and `key` check the
  // caller.
  const anyDb = db as Kysely<any>;
  const values = row as Record<string, unknown>;
  const changes: any = Object.fromEntries(
    Object.entries(values).filter(([column]) => !key.includes(column as keyof T[N] & string)),
  );
  const insert = anyDb.insertInto(table).values(values);
  if (isMysql(db)) {
    await (
      Object.keys(changes).length > 0 ? insert.onDuplicateKeyUpdate(changes) : insert.ignore()
    ).execute();
    return;
  }
  await insert
    .onConflict((conflict) => {
      const target = conflict.columns(key);
      return Object.keys(changes).length > 0 ? target.doUpdateSet(changes) : target.doNothing();
    })
    .execute();
}

/**
 * Inserts the row, unless one with the same value of a unique key exists: false then. Idempotent.
 */
export async function insertIfAbsent<T, N extends keyof T & string>(
  db: Kysely<T>,
  table: N,
  row: Insertable<T[N]>,
): Promise<boolean> {
  // Casts: see `upsert`.
  const insert = (db as Kysely<any>).insertInto(table).values(row as Record<string, unknown>);
  const { numInsertedOrUpdatedRows = 0n } = await (
    isMysql(db) ? insert.ignore() : insert.onConflict((conflict) => conflict.doNothing())
  ).executeTakeFirst();
  return numInsertedOrUpdatedRows > 0n;
}

/** Whether `db` (or a transaction of it) speaks MySQL's dialect. */
export function isMysql(db: Kysely<never> | Kysely<any>): boolean {
  return db.getExecutor().adapter instanceof MysqlAdapter;
}
