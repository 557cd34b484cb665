// SQL of users' credentials: secrets that other services fetch, and EC2 access keys.
import { filtered, type Filters } from './filter.ts';
import type { CredentialRow, Db } from './tables.ts';
import { unlessDuplicate } from './unless-duplicate.ts';

export async function findCredential(db: Db, id: string): Promise<CredentialRow | undefined> {
  return await db.selectFrom('credential').selectAll().where('id', '=', id).executeTakeFirst();
}

/** Finds an EC2 access key of this user. */
export async function findEc2Credential(
  db: Db,
  id: string,
  userId: string,
): Promise<CredentialRow | undefined> {
  return await db
    .selectFrom('credential')
    .selectAll()
    .where('id', '=', id)
    .where('user_id', '=', userId)
    .where('type', '=', 'ec2')
    .executeTakeFirst();
}

export async function listCredentials(
  db: Db,
  filters: Filters<'user_id' | 'type'>,
): Promise<CredentialRow[]> {
  return await filtered(db.selectFrom('credential').selectAll().orderBy('id'), filters).execute();
}

/** Returns false if a credential with this id exists. */
export async function insertCredential(db: Db, row: CredentialRow): Promise<boolean> {
  return await unlessDuplicate(() => db.insertInto('credential').values(row).execute());
}

export async function updateCredential(
  db: Db,
  id: string,
  changes: Partial<Omit<CredentialRow, 'id'>>,
): Promise<void> {
  await db.updateTable('credential').set(changes).where('id', '=', id).execute();
}

export async function deleteCredential(db: Db, id: string): Promise<void> {
  await db.deleteFrom('credential').where('id', '=', id).execute();
}
