// SQL of servers: every change is a compare-and-set on vm_state and task_state, so two callers
// never both win.
import type { Kysely, Selectable } from 'kysely';
import type { TaskState, VmState } from '#contracts/nova/server-states.ts';
import { isUniqueViolation } from '#platform/db/errors.ts';
import type { ServerSize } from '../domain/server-size.ts';
import type { NovaTables, ServerRow } from './tables.ts';

export type NovaDb = Kysely<NovaTables>;
export type Server = Selectable<ServerRow>;

/** Whose servers a caller may see; null: everybody's (admin). */
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

/** Deleted servers as well: their action log stays readable. */
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

/** The next `count` numbers, unique for ever. Within a transaction. */
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
        if (!isUniqueViolation(error)) throw error; // another first taker was faster
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

/** Sets the task if the server is idle and in one of `from`. Returns whether it was. */
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

/** Deletion goes over any task but itself. Returns whether this call began it. */
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

/** Changes a server whatever it does; for facts that are no part of the state machine. */
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
 * Changes nothing, but holds the row until the transaction ends: MariaDB would let two changes
 * start from the same state.
 */
export async function lockServer(trx: NovaDb, id: string): Promise<void> {
  await trx
    .updateTable('servers')
    .set((eb) => ({ locked: eb.ref('locked') }))
    .where('id', '=', id)
    .execute();
}

/**
 * Changes a server only while it is in one of `tasks` (null: idle). Returns whether it was: a
 * deletion may have come between.
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

/** How many servers are being built or changed now on each host. */
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

/** The host of each of these servers, of any project; null: on none yet, or not any more. */
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

/** As `hostsOfServers`, of those that are the project's. */
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

/** Those of these servers that are on the host. */
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

/** Those of these servers that an operation is at work on. */
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

/** Of these, the deleted ones, and those that rest without a host: they use no resources. */
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

/** Idle servers that are shelved and still on one of these hosts, shelved the longest ago first. */
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
