// SQL of roles, and of implications between roles.
import { upsert } from '#platform/db/transaction.ts';
import { filtered, type Filters } from './filter.ts';
import type { Db, RoleRow } from './tables.ts';
import { unlessDuplicate } from './unless-duplicate.ts';

export async function findRole(db: Db, id: string): Promise<RoleRow | undefined> {
  return await db.selectFrom('role').selectAll().where('id', '=', id).executeTakeFirst();
}

/** The id of the global role that has this id, this name, or both; undefined: none. */
export async function findGlobalRoleId(
  db: Db,
  { id, name }: Filters<'id' | 'name'>,
): Promise<string | undefined> {
  const query = db.selectFrom('role').select('id').where('domain_id', '=', '');
  return (await filtered(query, { id, name }).executeTakeFirst())?.id;
}

/** The roles that pass the filters. `domain_id` '' lists the global roles. */
export async function listRoles(
  db: Db,
  filters: Filters<'name' | 'domain_id'>,
): Promise<RoleRow[]> {
  return await filtered(db.selectFrom('role').selectAll().orderBy('name'), filters).execute();
}

/** The roles with these ids, sorted by name; unknown ids are left out. */
export async function rolesWithIds(db: Db, ids: readonly string[]): Promise<RoleRow[]> {
  if (ids.length === 0) return [];
  return await db.selectFrom('role').selectAll().where('id', 'in', ids).orderBy('name').execute();
}

/**
 * The global roles among these ids: domain-specific roles are never shown in a token. Sorted, so
 * that a token always looks the same.
 */
export async function globalRoles(
  db: Db,
  ids: ReadonlySet<string>,
): Promise<Pick<RoleRow, 'id' | 'name'>[]> {
  if (ids.size === 0) return [];
  return await db
    .selectFrom('role')
    .select(['id', 'name'])
    .where('id', 'in', [...ids])
    .where('domain_id', '=', '')
    .orderBy('name')
    .execute();
}

export async function globalRoleIds(db: Db): Promise<Set<string>> {
  const rows = await db.selectFrom('role').select('id').where('domain_id', '=', '').execute();
  return new Set(rows.map((row) => row.id));
}

/** Returns false if the domain (for a global role: the cloud) has a role of this name. */
export async function insertRole(db: Db, row: RoleRow): Promise<boolean> {
  return await unlessDuplicate(() => db.insertInto('role').values(row).execute());
}

/** Returns false if the domain (for a global role: the cloud) has another role of the new name. */
export async function updateRole(
  db: Db,
  id: string,
  changes: Partial<Omit<RoleRow, 'id'>>,
): Promise<boolean> {
  return await unlessDuplicate(() =>
    db.updateTable('role').set(changes).where('id', '=', id).execute(),
  );
}

/** Deletes a role; foreign keys delete its assignments and implications. */
export async function deleteRole(db: Db, id: string): Promise<void> {
  await db.deleteFrom('role').where('id', '=', id).execute();
}

/** All inference rules: prior role id to the ids of the roles it implies directly. */
export async function implications(db: Db): Promise<Map<string, string[]>> {
  const rows = await db.selectFrom('implied_role').selectAll().execute();
  const map = new Map<string, string[]>();
  for (const row of rows)
    map.set(row.prior_role_id, [...(map.get(row.prior_role_id) ?? []), row.implied_role_id]);
  return map;
}

/** The roles that a role implies directly. */
export async function rolesImpliedBy(db: Db, priorId: string): Promise<RoleRow[]> {
  return await db
    .selectFrom('implied_role')
    .innerJoin('role', 'role.id', 'implied_role.implied_role_id')
    .selectAll('role')
    .where('implied_role.prior_role_id', '=', priorId)
    .orderBy('role.name')
    .execute();
}

/** Adds that a role implies another. Idempotent. */
export async function addImplication(db: Db, priorId: string, impliedId: string): Promise<void> {
  await upsert(db, 'implied_role', { prior_role_id: priorId, implied_role_id: impliedId }, [
    'prior_role_id',
    'implied_role_id',
  ]);
}

/** Returns false if there was no such rule. */
export async function removeImplication(
  db: Db,
  priorId: string,
  impliedId: string,
): Promise<boolean> {
  const { numDeletedRows } = await db
    .deleteFrom('implied_role')
    .where('prior_role_id', '=', priorId)
    .where('implied_role_id', '=', impliedId)
    .executeTakeFirst();
  return numDeletedRows > 0n;
}
