// The server list as one query: scope, filters, order, page.
import type { ExpressionBuilder, SelectQueryBuilder } from 'kysely';
import { sql } from 'kysely';
import type { TaskState, VmState } from '#contracts/nova/server-states.ts';
import type { NovaDb, Scope, Server } from './servers.ts';
import type { NovaTables, ServerRow } from './tables.ts';

export interface ServerFilters {
  scope: Scope;
  /** States of the requested statuses; if both lists are empty, no server matches. */
  states?: { vmStates: readonly VmState[]; taskStates: readonly TaskState[] };
  equal: Partial<
    Pick<
      ServerRow,
      | 'host'
      | 'image_id'
      | 'flavor_id'
      | 'user_id'
      | 'project_id'
      | 'key_name'
      | 'vm_state'
      | 'task_state'
      | 'locked'
      | 'config_drive'
    >
  >;
  ids?: readonly string[];
  changedSinceMs?: number;
  changedBeforeMs?: number;
  /** Filter in TypeScript for what the databases do not compare in the same way, e.g. patterns. */
  matches?: (server: Server) => boolean;
  deleted: boolean;
  tagsAll: readonly string[];
  tagsAny: readonly string[];
  notTagsAll: readonly string[];
  notTagsAny: readonly string[];
}

export interface ServerOrder {
  keys: readonly { column: keyof ServerRow; direction: 'asc' | 'desc' }[];
  /** Last server of the previous page, which must exist; undefined: first page. */
  marker: Server | undefined;
  limit: number;
}

type Eb = ExpressionBuilder<NovaTables, 'servers'>;

/** Rows read at once for `matches`; between batches other requests get their turn. */
const matchedAtOnce = 500;

export async function listServers(
  db: NovaDb,
  filters: ServerFilters,
  order: ServerOrder,
): Promise<Server[]> {
  const { matches } = filters;
  if (!matches) return await rowsAfter(db, filters, order);
  const servers: Server[] = [];
  for (let { marker } = order; ;) {
    const rows = await rowsAfter(db, filters, { ...order, marker, limit: matchedAtOnce });
    for (const row of rows) if (servers.length < order.limit && matches(row)) servers.push(row);
    if (rows.length < matchedAtOnce || servers.length === order.limit) return servers;
    marker = rows.at(-1);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

async function rowsAfter(
  db: NovaDb,
  filters: ServerFilters,
  { keys, marker, limit }: ServerOrder,
): Promise<Server[]> {
  let query = filtered(db.selectFrom('servers').selectAll(), filters);
  if (marker) {
    // The rows after the marker: (a > A) or (a = A and b > B) …
    query = query.where((eb) =>
      eb.or(
        keys.map(({ column, direction }, index) =>
          eb.and([
            ...keys
              .slice(0, index)
              .map((earlier) => sameAs(eb, earlier.column, marker[earlier.column])),
            after(eb, column, direction, marker[column]),
          ]),
        ),
      ),
    );
  }
  for (const { column, direction } of keys) query = query.orderBy(column, direction);
  return await query.limit(limit).execute();
}

function filtered<O>(
  start: SelectQueryBuilder<NovaTables, 'servers', O>,
  filters: ServerFilters,
): SelectQueryBuilder<NovaTables, 'servers', O> {
  let query = start;
  if (filters.scope !== null) query = query.where('project_id', '=', filters.scope);
  if (filters.changedSinceMs === undefined)
    query = query.where('deleted_at_ms', filters.deleted ? 'is not' : 'is', null);
  else query = query.where('updated_at_ms', '>=', filters.changedSinceMs);
  if (filters.changedBeforeMs !== undefined)
    query = query.where('updated_at_ms', '<=', filters.changedBeforeMs);
  if (filters.ids) query = query.where('id', 'in', filters.ids.length ? [...filters.ids] : ['']);
  const { states } = filters;
  if (states) {
    query = query.where((eb) =>
      eb.or([
        ...(states.vmStates.length ? [eb('vm_state', 'in', [...states.vmStates])] : []),
        ...(states.taskStates.length ? [eb('task_state', 'in', [...states.taskStates])] : []),
        ...(states.vmStates.length + states.taskStates.length === 0 ? [sql<boolean>`1 = 0`] : []),
      ]),
    );
  }
  for (const [column, value] of Object.entries(filters.equal)) {
    if (value !== undefined)
      query = query.where((eb) => sameAs(eb, column as keyof ServerRow, value));
  }
  const has = (eb: Eb, tag: string) => eb(sql<number>`instr(tags, ${`,${tag},`})`, '>', 0);
  if (filters.tagsAll.length)
    query = query.where((eb) => eb.and(filters.tagsAll.map((tag) => has(eb, tag))));
  if (filters.tagsAny.length)
    query = query.where((eb) => eb.or(filters.tagsAny.map((tag) => has(eb, tag))));
  if (filters.notTagsAll.length)
    query = query.where((eb) => eb.not(eb.and(filters.notTagsAll.map((tag) => has(eb, tag)))));
  if (filters.notTagsAny.length)
    query = query.where((eb) => eb.not(eb.or(filters.notTagsAny.map((tag) => has(eb, tag)))));
  return query;
}

function sameAs(eb: Eb, column: keyof ServerRow, value: string | number | null) {
  return value === null ? eb(column, 'is', null) : eb(column, '=', value);
}

// In SQLite and MariaDB alike NULL sorts first ascending and last descending.
function after(
  eb: Eb,
  column: keyof ServerRow,
  direction: 'asc' | 'desc',
  value: string | number | null,
) {
  if (value === null)
    return direction === 'asc' ? eb(column, 'is not', null) : eb(sql<number>`0`, '=', 1);
  return direction === 'asc'
    ? eb(column, '>', value)
    : eb.or([eb(column, '<', value), eb(column, 'is', null)]);
}

/**
 * Servers launched before `endMs` and not terminated before `startMs`, including deleted ones,
 * oldest first. `projectId` null: of all projects.
 */
export async function serversRunningWithin(
  db: NovaDb,
  wanted: { projectId: string | null; startMs: number; endMs: number },
): Promise<Server[]> {
  let query = db
    .selectFrom('servers')
    .selectAll()
    .where('launched_at_ms', '<', wanted.endMs)
    .where((eb) =>
      eb.or([eb('terminated_at_ms', 'is', null), eb('terminated_at_ms', '>', wanted.startMs)]),
    );
  if (wanted.projectId !== null) query = query.where('project_id', '=', wanted.projectId);
  return await query.orderBy('created_at_ms').orderBy('id').execute();
}
