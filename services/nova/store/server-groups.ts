// SQL of server groups and their members, i.e. the servers that were created with the group as a
// hint and are not deleted.
import { transaction } from '#platform/db/transaction.ts';
import { lockQuota } from './quotas.ts';
import { takeNumbers } from './servers.ts';
import type { NovaDb, Scope } from './servers.ts';
import type { ServerGroupRow } from './tables.ts';

/**
 * Inserts a server group. 'full': the project or user has as many groups as its limit (-1: no
 * limit). Counted under a lock.
 */
export async function insertServerGroup(
  db: NovaDb,
  row: Omit<ServerGroupRow, 'number' | 'generation' | 'joins'>,
  limits: { project: number; user: number },
): Promise<'full' | 'done'> {
  return await transaction(db, async (trx) => {
    await lockQuota(trx, row.project_id, row.created_at_ms);
    const isFull = (limit: number, used: number): boolean => limit >= 0 && used >= limit;
    if (
      isFull(limits.project, await countServerGroups(trx, row.project_id)) ||
      isFull(limits.user, await countServerGroups(trx, row.project_id, row.user_id))
    )
      return 'full';
    const [number = 0] = await takeNumbers(trx, 'server_groups', 1);
    await trx
      .insertInto('server_groups')
      .values({ ...row, number, generation: 0, joins: 0 })
      .execute();
    return 'done';
  });
}

export async function findServerGroup(
  db: NovaDb,
  id: string,
  scope: Scope,
): Promise<ServerGroupRow | undefined> {
  const query = db.selectFrom('server_groups').selectAll().where('id', '=', id);
  return await (scope === null ? query : query.where('project_id', '=', scope)).executeTakeFirst();
}

/** The server groups in `scope`, in order of creation. */
export async function listServerGroups(
  db: NovaDb,
  scope: Scope,
  { offset, limit }: { offset: number; limit: number },
): Promise<ServerGroupRow[]> {
  const query = db
    .selectFrom('server_groups')
    .selectAll()
    .orderBy('number')
    .limit(limit)
    .offset(offset);
  return await (scope === null ? query : query.where('project_id', '=', scope)).execute();
}

/** The members are in no group afterwards. Returns whether the group existed. */
export async function deleteServerGroup(db: NovaDb, id: string, scope: Scope): Promise<boolean> {
  return await transaction(db, async (trx) => {
    const deletion = trx.deleteFrom('server_groups').where('id', '=', id);
    const { numDeletedRows } = await (
      scope === null ? deletion : deletion.where('project_id', '=', scope)
    ).executeTakeFirstOrThrow();
    if (numDeletedRows === 0n) return false;
    await trx
      .updateTable('servers')
      .set({ server_group_id: null, reserved_host: null })
      .where('server_group_id', '=', id)
      .execute();
    return true;
  });
}

export async function countServerGroups(
  db: NovaDb,
  projectId: string,
  userId?: string,
): Promise<number> {
  let query = db
    .selectFrom('server_groups')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('project_id', '=', projectId);
  if (userId !== undefined) query = query.where('user_id', '=', userId);
  return Number((await query.executeTakeFirstOrThrow()).count);
}

/** Ids of the members of each group, in order of creation. */
export async function membersOfGroups(
  db: NovaDb,
  groupIds: readonly string[],
): Promise<Map<string, string[]>> {
  const members = new Map<string, string[]>(groupIds.map((id) => [id, []]));
  if (groupIds.length === 0) return members;
  const rows = await db
    .selectFrom('servers')
    .select(['id', 'server_group_id'])
    .where('server_group_id', 'in', [...groupIds])
    .where('deleted_at_ms', 'is', null)
    .orderBy('number')
    .execute();
  for (const { id, server_group_id: groupId } of rows) members.get(groupId ?? '')?.push(id);
  return members;
}

/**
 * As Nova counts for the quota: the user's servers in the group. In the transaction of `joinGroup`.
 */
async function countMembers(trx: NovaDb, groupId: string, userId: string): Promise<number> {
  const { count } = await trx
    .selectFrom('servers')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('server_group_id', '=', groupId)
    .where('user_id', '=', userId)
    .where('deleted_at_ms', 'is', null)
    .executeTakeFirstOrThrow();
  return Number(count);
}

/**
 * Checks a group before new members are inserted in the same transaction. 'gone': the group was
 * deleted; 'full': the user would have more than `limit` members (-1: no limit). The write to the
 * group's row makes deletions and concurrent joins wait.
 */
export async function joinGroup(
  trx: NovaDb,
  groupId: string,
  wanted: { userId: string; servers: number; limit: number },
): Promise<'gone' | 'full' | 'done'> {
  const { numUpdatedRows } = await trx
    .updateTable('server_groups')
    .set((eb) => ({ joins: eb('joins', '+', 1) }))
    .where('id', '=', groupId)
    .executeTakeFirstOrThrow();
  if (numUpdatedRows === 0n) return 'gone';
  if (wanted.limit < 0) return 'done';
  const used = await countMembers(trx, groupId, wanted.userId);
  return used + wanted.servers > wanted.limit ? 'full' : 'done';
}

/** A member of a group, and the hosts on which it counts (at least one). */
export interface LocatedMember {
  id: string;
  hosts: readonly string[];
}

/**
 * The members other than `exceptId` that count on some host. A member counts on its host and, while
 * it has a task state or a resize that may be reverted, on its reserved host as well.
 */
export async function locatedMembers(
  db: NovaDb,
  groupId: string,
  exceptId: string,
): Promise<LocatedMember[]> {
  const rows = await db
    .selectFrom('servers')
    .select(['id', 'host', 'reserved_host', 'task_state', 'vm_state'])
    .where('server_group_id', '=', groupId)
    .where('id', '!=', exceptId)
    .where('deleted_at_ms', 'is', null)
    .execute();
  return rows.flatMap(
    ({ id, host, reserved_host: reserved, task_state: task, vm_state: state }) => {
      const mayMove = task !== null || state === 'resized';
      const hosts = [...new Set([host, mayMove ? reserved : null])].filter((at) => at !== null);
      return hosts.length === 0 ? [] : { id, hosts };
    },
  );
}

export function countByHost(members: readonly LocatedMember[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { hosts } of members)
    for (const host of hosts) counts.set(host, (counts.get(host) ?? 0) + 1);
  return counts;
}

/**
 * Reserves the host for a member, if the group's generation is unchanged since it was read;
 * otherwise writes nothing and returns false. From now on the member counts on the host. A later
 * reservation replaces this one.
 */
export async function reserveHost(
  db: NovaDb,
  serverId: string,
  group: Pick<ServerGroupRow, 'id' | 'generation'>,
  host: string,
): Promise<boolean> {
  return await transaction(db, async (trx) => {
    const { numUpdatedRows } = await trx
      .updateTable('server_groups')
      .set((eb) => ({ generation: eb('generation', '+', 1) }))
      .where('id', '=', group.id)
      .where('generation', '=', group.generation)
      .executeTakeFirstOrThrow();
    if (numUpdatedRows === 0n) return false;
    await trx
      .updateTable('servers')
      .set({ reserved_host: host })
      .where('id', '=', serverId)
      .where('server_group_id', '=', group.id)
      .execute();
    return true;
  });
}
