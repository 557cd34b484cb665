// SQL of users, including the counters of failed logins.
import { deleteActors } from './actors.ts';
import { filtered, type Filters } from './filter.ts';
import type { Db, UserRow } from './tables.ts';
import { unlessDuplicate } from './unless-duplicate.ts';

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

/** Returns false if the domain has a user of this name. */
export async function insertUser(db: Db, row: UserRow): Promise<boolean> {
  return await unlessDuplicate(() => db.insertInto('user').values(row).execute());
}

/** Returns false if the domain has another user of the new name. */
export async function updateUser(
  db: Db,
  id: string,
  changes: Partial<Omit<UserRow, 'id'>>,
): Promise<boolean> {
  return await unlessDuplicate(() =>
    db.updateTable('user').set(changes).where('id', '=', id).execute(),
  );
}

/**
 * Replaces the password by compare-and-set on the hash that was proven. Returns false if the
 * password was changed meanwhile.
 */
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

/**
 * Counts a wrong password; starts again at 1 if the last one is older than `recentMs`. A single
 * statement, so that concurrent failures are all counted. Returns the new count; undefined: the
 * user is locked already, was deleted, or has another password.
 */
export async function countFailedLogin(
  db: Db,
  { id, password_hash: passwordHash }: UserRow,
  { nowMs, recentMs, limit }: { nowMs: number; recentMs: number; limit: number },
): Promise<number | undefined> {
  const { numUpdatedRows } = await db
    .updateTable('user')
    .set((eb) => ({
      // Must be first: in MariaDB later assignments see the values of earlier ones.
      failed_logins: eb
        .case()
        .when('failed_at', '>', recentMs)
        .then(eb('failed_logins', '+', 1))
        .else(1)
        .end(),
      failed_at: nowMs,
    }))
    .where('id', '=', id)
    .where('password_hash', '=', passwordHash)
    .where((eb) => eb.or([eb('failed_at', '<=', recentMs), eb('failed_logins', '<', limit)]))
    .executeTakeFirst();
  return numUpdatedRows > 0n ? (await findUser(db, id))?.failed_logins : undefined;
}

/** Deletes users with their role assignments; foreign keys delete memberships and credentials. */
export async function deleteUsers(db: Db, ids: readonly string[]): Promise<void> {
  await deleteActors(db, 'user', ids);
}
