// How Neutron writes: one transaction a change, undone when its outcome is a fault, tried again
// when another writer took what it picked (an address, a MAC, a segment).
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

/** What a transaction decided on has changed under it. */
class Outdated extends Error {}

/**
 * `work` has no effect but through `trx`; it may run several times. A fault undoes all it wrote.
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
 * Locks a row so that what is decided on it still holds at commit; `share`: against its change and
 * deletion alone. SQLite has one writer at a time: nothing to do.
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
 * The rows these are decided on, as they are now, and kept so until commit. When one is gone,
 * `work` runs again and sees it.
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
