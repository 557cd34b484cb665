// SQL of migration records. A status changes only by compare-and-set, so that of two concurrent
// operations (confirm and revert, say) only one succeeds.
import type { MigrationStatus, MigrationType } from '#contracts/nova/migration-states.ts';
import { migrationTypes } from '#contracts/nova/migration-states.ts';
import { isUniqueViolation } from '#platform/db/errors.ts';
import { isOver, openStatuses, statusesBefore } from '../domain/migration-status.ts';
import type { NovaDb } from './servers.ts';
import { takeNumbers } from './servers.ts';
import type { MigrationRow } from './tables.ts';

const maxIdsAtOnce = 500;

export type NewMigration = Omit<
  MigrationRow,
  | 'id'
  | 'old_flavor_number'
  | 'new_flavor_number'
  | keyof MigrationProgress
  | 'created_at_ms'
  | 'updated_at_ms'
>;

/** Bytes; null: not known yet. */
export type MigrationProgress = Pick<
  MigrationRow,
  | 'memory_total'
  | 'memory_processed'
  | 'memory_remaining'
  | 'disk_total'
  | 'disk_processed'
  | 'disk_remaining'
>;

export type MigrationChange = Partial<
  MigrationProgress & Pick<MigrationRow, 'dest_host' | 'dest_node' | 'dest_ip'>
>;

const noProgress: MigrationProgress = {
  memory_total: null,
  memory_processed: null,
  memory_remaining: null,
  disk_total: null,
  disk_processed: null,
  disk_remaining: null,
};

/** Inserts a migration record, in the transaction `trx` that begins the move. */
export async function insertMigration(
  trx: NovaDb,
  migration: NewMigration,
  nowMs: number,
): Promise<MigrationRow> {
  const [id = 0] = await takeNumbers(trx, 'migrations', 1);
  const row: MigrationRow = {
    ...migration,
    ...noProgress,
    id,
    old_flavor_number: await flavorNumber(trx, migration.old_flavor),
    new_flavor_number: await flavorNumber(trx, migration.new_flavor),
    created_at_ms: nowMs,
    updated_at_ms: nowMs,
  };
  await trx.insertInto('migrations').values(row).execute();
  return row;
}

async function flavorNumber(trx: NovaDb, flavor: string): Promise<number> {
  const { id } = JSON.parse(flavor) as { id: string };
  const findNumber = async () =>
    await trx
      .selectFrom('flavor_numbers')
      .select('number')
      .where('flavor_id', '=', id)
      .executeTakeFirst();
  const row = await findNumber();
  if (row) return row.number;
  const [number = 0] = await takeNumbers(trx, 'flavors', 1);
  try {
    await trx.insertInto('flavor_numbers').values({ flavor_id: id, number }).execute();
    return number;
  } catch (error) {
    // A concurrent transaction has inserted the flavor's number.
    const theirs = isUniqueViolation(error) ? await findNumber() : undefined;
    if (!theirs) throw error;
    return theirs.number;
  }
}

export async function findMigration(db: NovaDb, uuid: string): Promise<MigrationRow | undefined> {
  return await db.selectFrom('migrations').selectAll().where('uuid', '=', uuid).executeTakeFirst();
}

/** A server's migration by `id`, the number that the API shows. */
export async function findMigrationOfServer(
  db: NovaDb,
  serverId: string,
  id: number,
): Promise<MigrationRow | undefined> {
  return await db
    .selectFrom('migrations')
    .selectAll()
    .where('server_id', '=', serverId)
    .where('id', '=', id)
    .executeTakeFirst();
}

/** A server's migrations of these types and statuses, oldest first. */
export async function migrationsOfServer(
  db: NovaDb,
  serverId: string,
  wanted: { types: readonly MigrationType[]; statuses: readonly MigrationStatus[] },
): Promise<MigrationRow[]> {
  return await db
    .selectFrom('migrations')
    .selectAll()
    .where('server_id', '=', serverId)
    .where('type', 'in', wanted.types)
    .where('status', 'in', wanted.statuses)
    .orderBy('id')
    .execute();
}

/**
 * A server's migrations that are not over, oldest first. Other hosts may have a copy of its guest.
 */
export const openMigrations = async (db: NovaDb, serverId: string): Promise<MigrationRow[]> =>
  (
    await migrationsOfServer(db, serverId, { types: migrationTypes, statuses: openStatuses })
  ).filter(({ type, status }) => !isOver(type, status));

/** Migrations from or to the host that are not over. */
export async function openMigrationsOfHost(db: NovaDb, host: string): Promise<MigrationRow[]> {
  const rows = await db
    .selectFrom('migrations')
    .selectAll()
    .where((eb) => eb.or([eb('source_host', '=', host), eb('dest_host', '=', host)]))
    .where('status', 'in', openStatuses)
    .execute();
  return rows.filter(({ type, status }) => !isOver(type, status));
}

/** The migrations among these uuids. */
export async function migrationsAmong(
  db: NovaDb,
  uuids: readonly string[],
): Promise<MigrationRow[]> {
  const found: MigrationRow[] = [];
  for (let at = 0; at < uuids.length; at += maxIdsAtOnce)
    found.push(
      ...(await db
        .selectFrom('migrations')
        .selectAll()
        .where('uuid', 'in', uuids.slice(at, at + maxIdsAtOnce))
        .execute()),
    );
  return found;
}

/** Resizes that have been waiting for a confirmation since `sinceMs` or longer. */
export async function unconfirmedResizes(
  db: NovaDb,
  sinceMs: number,
  limit: number,
): Promise<MigrationRow[]> {
  return await db
    .selectFrom('migrations')
    .selectAll()
    .where('type', 'in', ['resize', 'migration'])
    .where('status', '=', 'finished')
    .where('updated_at_ms', '<=', sinceMs)
    .orderBy('id')
    .limit(limit)
    .execute();
}

/**
 * Ends the open migrations of a server that is being deleted: a finished resize becomes confirmed,
 * a finished evacuation stays open until its source host is back, anything else becomes error.
 */
export async function endMigrations(db: NovaDb, serverId: string, nowMs: number): Promise<void> {
  for (const migration of await openMigrations(db, serverId)) {
    if (migration.type === 'evacuation' && migration.status === 'done') continue;
    await db
      .updateTable('migrations')
      .set({
        status: migration.status === 'finished' ? 'confirmed' : 'error',
        updated_at_ms: nowMs,
      })
      .where('uuid', '=', migration.uuid)
      .where('status', '=', migration.status)
      .execute();
  }
}

/** Writes progress or destination, whatever the status. */
export async function changeMigration(
  db: NovaDb,
  uuid: string,
  change: MigrationChange,
  nowMs: number,
): Promise<void> {
  await db
    .updateTable('migrations')
    .set({ ...change, updated_at_ms: nowMs })
    .where('uuid', '=', uuid)
    .execute();
}

/**
 * Sets `status`, if the transition is allowed (domain/migration-status.ts). Returns whether it did;
 * false also if the migration already has this status.
 */
export async function advanceMigration(
  db: NovaDb,
  migration: Pick<MigrationRow, 'uuid' | 'type'>,
  status: MigrationStatus,
  nowMs: number,
  change: MigrationChange = {},
): Promise<boolean> {
  const result = await db
    .updateTable('migrations')
    .set({ ...change, status, updated_at_ms: nowMs })
    .where('uuid', '=', migration.uuid)
    .where('status', 'in', statusesBefore(migration.type, status))
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

export interface MigrationFilters {
  /** Matches source or destination. */
  host?: string;
  sourceHost?: string;
  serverId?: string;
  userId?: string;
  projectId?: string;
  statuses?: readonly string[];
  types?: readonly string[];
  changedSinceMs?: number;
  changedBeforeMs?: number;
}

export interface MigrationPage {
  /** Last migration of the previous page; undefined: first page. */
  after: MigrationRow | undefined;
  limit: number;
}

/**
 * The migrations that match the filters: with `page` one page, newest first; with null all, oldest
 * first.
 */
export async function listMigrations(
  db: NovaDb,
  filters: MigrationFilters,
  page: MigrationPage | null,
): Promise<MigrationRow[]> {
  let query = db.selectFrom('migrations').selectAll();
  const { host } = filters;
  if (host !== undefined)
    query = query.where((eb) => eb.or([eb('source_host', '=', host), eb('dest_host', '=', host)]));
  const equal = {
    source_host: filters.sourceHost,
    server_id: filters.serverId,
    user_id: filters.userId,
    project_id: filters.projectId,
  } as const;
  for (const [column, value] of Object.entries(equal))
    if (value !== undefined) query = query.where(column as keyof typeof equal, '=', value);
  if (filters.statuses)
    query = query.where('status', 'in', filters.statuses as readonly MigrationStatus[]);
  if (filters.types) query = query.where('type', 'in', filters.types as readonly MigrationType[]);
  if (filters.changedSinceMs !== undefined)
    query = query.where('updated_at_ms', '>=', filters.changedSinceMs);
  if (filters.changedBeforeMs !== undefined)
    query = query.where('updated_at_ms', '<=', filters.changedBeforeMs);
  if (page === null) return await query.orderBy('id').execute();
  const { after } = page;
  if (after)
    query = query.where((eb) =>
      eb.or([
        eb('created_at_ms', '<', after.created_at_ms),
        eb.and([eb('created_at_ms', '=', after.created_at_ms), eb('id', '<', after.id)]),
      ]),
    );
  return await query
    .orderBy('created_at_ms', 'desc')
    .orderBy('id', 'desc')
    .limit(page.limit)
    .execute();
}
