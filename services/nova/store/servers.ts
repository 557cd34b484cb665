// SQL of servers. State changes are compare-and-sets on vm_state and task_state, so that of two
// concurrent operations only one begins.
import type { Kysely, Selectable } from 'kysely';
import type { TaskState, VmState } from '#contracts/nova/server-states.ts';
import { isUniqueViolation } from '#platform/db/errors.ts';
import type { ServerSize } from '../domain/server-size.ts';
import type { NovaTables, ServerRow } from './tables.ts';

export type NovaDb = Kysely<NovaTables>;
export type Server = Selectable<ServerRow>;

/** The project whose servers a caller may see; null: all projects (administrator). */
export type Scope = string | null;

export async function findServer(
  db: NovaDb,
  id: string,
  scope: Scope,
): Promise<Server | undefined> {
  const query = db
    .selectFrom('servers')
    .selectAll()
    .where('id', '=', id)
    .where('deleted_at_ms', 'is', null);
  return await (scope === null ? query : query.where('project_id', '=', scope)).executeTakeFirst();
}

/** Finds deleted servers as well, whose action log stays readable. */
export async function findServerEvenDeleted(
  db: NovaDb,
  id: string,
  scope: Scope,
): Promise<Server | undefined> {
  const query = db.selectFrom('servers').selectAll().where('id', '=', id);
  return await (scope === null ? query : query.where('project_id', '=', scope)).executeTakeFirst();
}

export async function insertServers(trx: NovaDb, rows: readonly ServerRow[]): Promise<void> {
  for (const row of rows) await trx.insertInto('servers').values(row).execute();
}

/** The next `count` numbers of a counter, never used again. To be called in a transaction. */
export async function takeNumbers(trx: NovaDb, counter: string, count: number): Promise<number[]> {
  const move = async () =>
    (
      await trx
        .updateTable('counters')
        .set((eb) => ({ value: eb('value', '+', count) }))
        .where('name', '=', counter)
        .executeTakeFirst()
    ).numUpdatedRows;
  if ((await move()) === 0n) {
    await trx
      .insertInto('counters')
      .values({ name: counter, value: 0 })
      .execute()
      .catch((error: unknown) => {
        if (!isUniqueViolation(error)) throw error; // a concurrent caller was first
      });
    await move();
  }
  const { value } = await trx
    .selectFrom('counters')
    .select('value')
    .where('name', '=', counter)
    .executeTakeFirstOrThrow();
  return Array.from({ length: count }, (_, index) => value - count + index + 1);
}

/**
 * Sets the task_state if the server is idle and its vm_state is in `from`. Returns whether it did.
 */
export async function beginTask(
  trx: NovaDb,
  id: string,
  from: readonly VmState[],
  task: TaskState,
  nowMs: number,
): Promise<boolean> {
  const result = await trx
    .updateTable('servers')
    .set({ task_state: task, updated_at_ms: nowMs })
    .where('id', '=', id)
    .where('deleted_at_ms', 'is', null)
    .where('task_state', 'is', null)
    .where('vm_state', 'in', [...from])
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

/**
 * Sets task_state 'deleting', which overrides any other task. Returns false if it was set already.
 */
export async function beginDelete(trx: NovaDb, id: string, nowMs: number): Promise<boolean> {
  const result = await trx
    .updateTable('servers')
    .set({ task_state: 'deleting', updated_at_ms: nowMs })
    .where('id', '=', id)
    .where('deleted_at_ms', 'is', null)
    .where((eb) => eb.or([eb('task_state', 'is', null), eb('task_state', '!=', 'deleting')]))
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

export type ServerChange = Partial<
  Pick<
    ServerRow,
    | 'vm_state'
    | 'task_state'
    | 'power_state'
    | 'host'
    | 'node'
    | 'reserved_host'
    | 'shelved_at_ms'
    | 'shelved_image_id'
    | 'availability_zone'
    | 'launched_at_ms'
    | 'terminated_at_ms'
    | 'deleted_at_ms'
    | 'fault'
    | 'image_id'
    | 'image'
    | 'name'
    | 'description'
    | 'hostname'
    | 'metadata'
    | 'tags'
    | 'access_ip_v4'
    | 'access_ip_v6'
    | 'disk_config'
    | 'locked'
    | 'locked_reason'
    | 'admin_pass'
    | 'key_name'
    | 'key_data'
    | 'user_data'
    | 'personality'
    | keyof ServerSize
  >
>;

/** Changes columns whatever the server's task; for columns outside the state machine. */
export async function changeServer(
  db: NovaDb,
  id: string,
  change: ServerChange,
  nowMs: number,
): Promise<void> {
  await db
    .updateTable('servers')
    .set({ ...change, updated_at_ms: nowMs })
    .where('id', '=', id)
    .where('deleted_at_ms', 'is', null)
    .execute();
}

/**
 * A no-op update that locks the row until the transaction ends: on MariaDB two transactions could
 * otherwise start from the same state.
 */
export async function lockServer(trx: NovaDb, id: string): Promise<void> {
  await trx
    .updateTable('servers')
    .set((eb) => ({ locked: eb.ref('locked') }))
    .where('id', '=', id)
    .execute();
}

/**
 * Changes a server only if its task_state is in `tasks` (null: idle). Returns whether it did;
 * false, for example, if a deletion has begun.
 */
export async function changeDuring(
  db: NovaDb,
  id: string,
  tasks: readonly (TaskState | null)[],
  change: ServerChange,
  nowMs: number,
): Promise<boolean> {
  const named = tasks.filter((task) => task !== null);
  const result = await db
    .updateTable('servers')
    .set({ ...change, updated_at_ms: nowMs })
    .where('id', '=', id)
    .where('deleted_at_ms', 'is', null)
    .where((eb) =>
      eb.or([
        ...(tasks.includes(null) ? [eb('task_state', 'is', null)] : []),
        ...(named.length ? [eb('task_state', 'in', named)] : []),
      ]),
    )
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

export async function serversOnHost(db: NovaDb, host: string): Promise<Server[]> {
  return await db
    .selectFrom('servers')
    .selectAll()
    .where('host', '=', host)
    .where('deleted_at_ms', 'is', null)
    .orderBy('number')
    .execute();
}

/** Number of servers with a task state on each host. */
export async function busyByHost(db: NovaDb): Promise<Map<string, number>> {
  const rows = await db
    .selectFrom('servers')
    .select(({ fn }) => ['host', fn.countAll<number>().as('count')])
    .where('deleted_at_ms', 'is', null)
    .where('task_state', 'is not', null)
    .where('host', 'is not', null)
    .groupBy('host')
    .execute();
  return new Map(rows.map((row) => [row.host ?? '', Number(row.count)]));
}

/** Hosts of these servers of any project; null: the server has no host. */
export async function hostsOfServers(
  db: NovaDb,
  ids: readonly string[],
): Promise<Map<string, string | null>> {
  const rows = await db
    .selectFrom('servers')
    .select(['id', 'host'])
    .where('id', 'in', ids)
    .where('deleted_at_ms', 'is', null)
    .execute();
  return new Map(rows.map(({ id, host }) => [id, host]));
}

/** As `hostsOfServers`, for servers of one project. */
export async function hostsOfOwnServers(
  db: NovaDb,
  projectId: string,
  ids: readonly string[],
): Promise<Map<string, string | null>> {
  const rows = await db
    .selectFrom('servers')
    .select(['id', 'host'])
    .where('project_id', '=', projectId)
    .where('id', 'in', ids)
    .where('deleted_at_ms', 'is', null)
    .execute();
  return new Map(rows.map(({ id, host }) => [id, host]));
}

/** The servers among `ids` that are on the host. */
export async function serversOnHostAmong(
  db: NovaDb,
  host: string,
  ids: readonly string[],
): Promise<Server[]> {
  if (ids.length === 0) return [];
  return await db
    .selectFrom('servers')
    .selectAll()
    .where('id', 'in', ids)
    .where('host', '=', host)
    .where('deleted_at_ms', 'is', null)
    .execute();
}

/** The servers among `ids` that have an operation in progress. */
export async function busyAmong(db: NovaDb, ids: readonly string[]): Promise<Set<string>> {
  const rows = await db
    .selectFrom('servers')
    .select('id')
    .where('id', 'in', ids)
    .where('deleted_at_ms', 'is', null)
    .where('task_state', 'is not', null)
    .execute();
  return new Set(rows.map(({ id }) => id));
}

const maxIdsAtOnce = 500;

/** The servers among `ids` that are deleted, or idle without a host: they use no resources. */
export async function serversWithoutUse(db: NovaDb, ids: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (let at = 0; at < ids.length; at += maxIdsAtOnce) {
    const rows = db
      .selectFrom('servers')
      .select('id')
      .where('id', 'in', ids.slice(at, at + maxIdsAtOnce))
      .where(({ or, and, eb }) =>
        or([
          eb('deleted_at_ms', 'is not', null),
          and([eb('host', 'is', null), eb('task_state', 'is', null)]),
        ]),
      );
    found.push(...(await rows.execute()).map(({ id }) => id));
  }
  return found;
}

/** Idle shelved servers that are still on one of these hosts, the longest shelved first. */
export async function shelvedOnHosts(
  db: NovaDb,
  wanted: { hosts: readonly string[]; beforeMs: number; withImage: boolean; limit: number },
): Promise<Server[]> {
  if (wanted.hosts.length === 0) return [];
  let query = db
    .selectFrom('servers')
    .selectAll()
    .where('host', 'in', [...wanted.hosts])
    .where('deleted_at_ms', 'is', null)
    .where('vm_state', '=', 'shelved')
    .where('task_state', 'is', null)
    .where('shelved_at_ms', '<=', wanted.beforeMs);
  if (!wanted.withImage) query = query.where('shelved_image_id', 'is', null);
  return await query.orderBy('shelved_at_ms').limit(wanted.limit).execute();
}
