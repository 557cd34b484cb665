// SQL of transfers: volumes that are offered to other projects.
import type { CinderDb, Scope } from './rows.ts';
import type { TransferRow } from './tables.ts';

export async function findTransfer(
  db: CinderDb,
  id: string,
  scope: Scope,
): Promise<TransferRow | undefined> {
  const query = db.selectFrom('transfers').selectAll().where('id', '=', id);
  return await (scope === null ? query : query.where('project_id', '=', scope)).executeTakeFirst();
}

export async function insertTransfer(trx: CinderDb, row: TransferRow): Promise<void> {
  await trx.insertInto('transfers').values(row).execute();
}

export async function deleteTransfer(trx: CinderDb, id: string): Promise<void> {
  await trx.deleteFrom('transfers').where('id', '=', id).execute();
}
