// SQL of transfers: volumes offered to other projects.
import { findRow } from './row-by-id.ts';
import type { CinderDb, Scope } from './rows.ts';
import type { TransferRow } from './tables.ts';

export const findTransfer = async (
  db: CinderDb,
  id: string,
  scope: Scope,
): Promise<TransferRow | undefined> => await findRow(db, 'transfers', id, scope);

export async function insertTransfer(trx: CinderDb, row: TransferRow): Promise<void> {
  await trx.insertInto('transfers').values(row).execute();
}

export async function deleteTransfer(trx: CinderDb, id: string): Promise<void> {
  await trx.deleteFrom('transfers').where('id', '=', id).execute();
}
