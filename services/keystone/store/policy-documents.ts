// SQL of policy documents that operators store in Keystone.
import { filtered, type Filters } from './filter.ts';
import type { Db, PolicyRow } from './tables.ts';

export async function findPolicyDocument(db: Db, id: string): Promise<PolicyRow | undefined> {
  return await db.selectFrom('policy').selectAll().where('id', '=', id).executeTakeFirst();
}

export async function listPolicyDocuments(db: Db, filters: Filters<'type'>): Promise<PolicyRow[]> {
  return await filtered(db.selectFrom('policy').selectAll().orderBy('id'), filters).execute();
}

export async function insertPolicyDocument(db: Db, row: PolicyRow): Promise<void> {
  await db.insertInto('policy').values(row).execute();
}

export async function updatePolicyDocument(
  db: Db,
  id: string,
  changes: Partial<Omit<PolicyRow, 'id'>>,
): Promise<void> {
  await db.updateTable('policy').set(changes).where('id', '=', id).execute();
}

export async function deletePolicyDocument(db: Db, id: string): Promise<void> {
  await db.deleteFrom('policy').where('id', '=', id).execute();
}
