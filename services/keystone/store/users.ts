// Users: found, listed, written, and what is counted of their logins.
import { deleteActors } from './actors.ts';
import { filtered, type Filters } from './filter.ts';
import type { Db, UserRow } from './tables.ts';
import { unlessTaken } from './unless-taken.ts';

export async function findUser(db: Db, id: string): Promise<UserRow | undefined> {
  return await db.selectFrom('user').selectAll().where('id', '=', id).executeTakeFirst();
}

export async function findUserByName(
  db: Db,
  domainId: string,
  name: string,
): Promise<UserRow | undefined> {
  return await db
    .selectFrom('user')
    .selectAll()
    .where('domain_id', '=', domainId)
    .where('name', '=', name)
    .executeTakeFirst();
}

export async function userExists(db: Db, id: string): Promise<boolean> {
  const row = await db.selectFrom('user').select('id').where('id', '=', id).executeTakeFirst();
  return row !== undefined;
}

export async function listUsers(
  db: Db,
  filters: Filters<'name' | 'domain_id' | 'enabled'>,
): Promise<UserRow[]> {
  return await filtered(db.selectFrom('user').selectAll().orderBy('name'), filters).execute();
}

/** False: the domain has a user of this name. */
export async function insertUser(db: Db, row: UserRow): Promise<boolean> {
  return await unlessTaken(() => db.insertInto('user').values(row).execute());
}

/** False: the domain has another user of the new name. */
export async function updateUser(
  db: Db,
  id: string,
  changes: Partial<Omit<UserRow, 'id'>>,
): Promise<boolean> {
  return await unlessTaken(() =>
    db.updateTable('user').set(changes).where('id', '=', id).execute(),
  );
}

/** Compare-and-set on the hash that was proven; false: another request has changed it meanwhile. */
export async function replacePassword(
  db: Db,
  { id, password_hash: proven }: UserRow,
  hash: string,
  nowMs: number,
): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('user')
    .set({ password_hash: hash, tokens_valid_from: nowMs })
    .where('id', '=', id)
    .where('password_hash', '=', proven)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

export async function clearFailedLogins(db: Db, id: string): Promise<void> {
  await db.updateTable('user').set({ failed_logins: 0 }).where('id', '=', id).execute();
}

/** Counts a wrong password; `first`: those before are too old to count with it. */
export async function countFailedLogin(
  db: Db,
  id: string,
  first: boolean,
  nowMs: number,
): Promise<void> {
  await db
    .updateTable('user')
    .set((eb) => ({
      failed_logins: first ? 1 : eb('failed_logins', '+', 1),
      failed_at: nowMs,
    }))
    .where('id', '=', id)
    .execute();
}

/** With their assignments; memberships and credentials go by foreign key. */
export async function deleteUsers(db: Db, ids: readonly string[]): Promise<void> {
  await deleteActors(db, 'user', ids);
}
