// How Neutron writes: one transaction per change. A fault rolls it back; when another writer took
// what it had picked (address, MAC, segment), it is run again.
import type { Kysely, Transaction } from 'kysely';
import { sql } from 'kysely';
import type { Fault, Outcome } from '#contracts/common/fault.ts';
import { isFault } from '#contracts/common/fault.ts';
import { isUniqueViolation } from '#platform/db/errors.ts';
import { retryPause } from '#platform/db/retry-pause.ts';
import { isMysql, transaction } from '#platform/db/transaction.ts';
import type { ListedTable } from './list.ts';
import type { NeutronTables } from './tables.ts';

export type NeutronDb = Kysely<NeutronTables>;
export type NeutronTrx = Transaction<NeutronTables>;

const maxPicks = 8;
const pickBackoffMs = 5;

class Undo extends Error {
  readonly fault: Fault;
  constructor(fault: Fault) {
    super(fault.message);
    this.fault = fault;
  }
}

/** Thrown when a row on which a transaction had decided is no longer there. */
class Outdated extends Error {}

/**
 * Runs `work` in a transaction. `work` may run several times, so it must have no effect except
 * through `trx`. A returned fault rolls everything back.
 */
export async function write<R>(
  db: NeutronDb,
  work: (trx: NeutronTrx) => Promise<Outcome<R>>,
): Promise<Outcome<R>> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await transaction(db, async (trx) => {
        const outcome = await work(trx);
        if (isFault(outcome)) throw new Undo(outcome);
        return outcome;
      });
    } catch (error) {
      if (error instanceof Undo) return error.fault;
      if (attempt >= maxPicks || !(isUniqueViolation(error) || error instanceof Outdated))
        throw error;
      await retryPause(db, pickBackoffMs * attempt);
    }
  }
}

/**
 * Locks a row until commit, so that a decision based on it still holds. `share` only keeps others
 * from changing or deleting it. SQLite has a single writer and needs no lock.
 */
export async function lockRow(
  trx: NeutronTrx,
  table: ListedTable,
  id: string,
  mode: 'update' | 'share' = 'update',
): Promise<void> {
  if (isMysql(trx))
    await sql`select id from ${sql.table(table)} where id = ${id} ${lockWords[mode]}`.execute(trx);
}

const lockWords = { update: sql`for update`, share: sql`lock in share mode` } as const;

/**
 * Locks the rows that a decision was based on, in share mode, until commit. If one of them was
 * deleted, `work` runs again and sees that.
 */
export async function holdRows(
  trx: NeutronTrx,
  table: ListedTable,
  ids: readonly string[],
): Promise<void> {
  if (!isMysql(trx) || ids.length === 0) return;
  const distinct = [...new Set(ids)];
  const { rows } =
    await sql`select id from ${sql.table(table)} where id in (${sql.join(distinct)}) ${lockWords.share}`.execute(
      trx,
    );
  if (rows.length < distinct.length) throw new Outdated(`${table} ${distinct.join(', ')}`);
}
