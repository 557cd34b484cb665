// SQL of groups and their members.
import { upsert } from '#platform/db/transaction.ts';
import { deleteActors } from './actors.ts';
import { filtered, type Filters } from './filter.ts';
import type { Db, GroupRow, UserRow } from './tables.ts';
import { unlessDuplicate } from './unless-duplicate.ts';

export async function findGroup(db: Db, id: string): Promise<GroupRow | undefined> {
  return await db.selectFrom('group').selectAll().where('id', '=', id).executeTakeFirst();
}

export async function listGroups(
  db: Db,
  filters: Filters<'name' | 'domain_id'>,
): Promise<GroupRow[]> {
  return await filtered(db.selectFrom('group').selectAll().orderBy('name'), filters).execute();
}

/** Returns false if the domain has a group of this name. */
export async function insertGroup(db: Db, row: GroupRow): Promise<boolean> {
  return await unlessDuplicate(() => db.insertInto('group').values(row).execute());
}

/** Returns false if the domain has another group of the new name. */
export async function updateGroup(
  db: Db,
  id: string,
  changes: Partial<Omit<GroupRow, 'id'>>,
): Promise<boolean> {
  return await unlessDuplicate(() =>
    db.updateTable('group').set(changes).where('id', '=', id).execute(),
  );
}

/** Deletes groups with their role assignments; foreign keys delete memberships. */
export async function deleteGroups(db: Db, ids: readonly string[]): Promise<void> {
  await deleteActors(db, 'group', ids);
}

export async function groupsOfUser(db: Db, userId: string): Promise<GroupRow[]> {
  return await db
    .selectFrom('membership')
    .innerJoin('group', 'group.id', 'membership.group_id')
    .selectAll('group')
    .where('membership.user_id', '=', userId)
    .orderBy('group.name')
    .execute();
}

export async function usersInGroup(db: Db, groupId: string): Promise<UserRow[]> {
  return await db
    .selectFrom('membership')
    .innerJoin('user', 'user.id', 'membership.user_id')
    .selectAll('user')
    .where('membership.group_id', '=', groupId)
    .orderBy('user.name')
    .execute();
}

export async function allMemberships(db: Db): Promise<{ user_id: string; group_id: string }[]> {
  return await db.selectFrom('membership').selectAll().execute();
}

export async function isMember(db: Db, groupId: string, userId: string): Promise<boolean> {
  const row = await db
    .selectFrom('membership')
    .select('user_id')
    .where('group_id', '=', groupId)
    .where('user_id', '=', userId)
    .executeTakeFirst();
  return row !== undefined;
}

/** Adds the user to the group. Idempotent. */
export async function addMember(db: Db, groupId: string, userId: string): Promise<void> {
  await upsert(db, 'membership', { user_id: userId, group_id: groupId }, ['user_id', 'group_id']);
}

/** Returns false if the user was no member. */
export async function removeMember(db: Db, groupId: string, userId: string): Promise<boolean> {
  const { numDeletedRows } = await db
    .deleteFrom('membership')
    .where('group_id', '=', groupId)
    .where('user_id', '=', userId)
    .executeTakeFirst();
  return numDeletedRows > 0n;
}
