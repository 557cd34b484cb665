// SQL of guests that died on hosts that are alive.
import { insertIfAbsent } from '#platform/db/transaction.ts';
import type { GuestRow, HaDb } from './tables.ts';

export const listGuests = async (db: HaDb): Promise<GuestRow[]> =>
  await db.selectFrom('guests').selectAll().orderBy('server_id').execute();

export const listGuestsOf = async (db: HaDb, host: string): Promise<GuestRow[]> =>
  (await listGuests(db)).filter((row) => row.host === host);

/** Inserts or replaces the guest's row. */
export async function recordGuest(db: HaDb, row: GuestRow): Promise<void> {
  const { server_id: id, ...change } = row;
  const { numUpdatedRows } = await db
    .updateTable('guests')
    .set(change)
    .where('server_id', '=', id)
    .executeTakeFirst();
  if (numUpdatedRows === 0n) await insertIfAbsent(db, 'guests', row);
}

export const forgetGuest = async (db: HaDb, id: string): Promise<void> =>
  void (await db.deleteFrom('guests').where('server_id', '=', id).execute());
