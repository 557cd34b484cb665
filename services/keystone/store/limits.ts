// SQL of unified limits: registered limits, which are the defaults, and limits of projects and
// domains.
import { transaction } from '#platform/db/transaction.ts';
import { filtered, type Filters } from './filter.ts';
import type { Db, LimitRow, RegisteredLimitRow } from './tables.ts';
import { unlessDuplicate } from './unless-duplicate.ts';

/** The service, region and resource that a limit applies to. */
export type LimitKey = Pick<RegisteredLimitRow, 'service_id' | 'region_id' | 'resource_name'>;

export async function findRegisteredLimit(
  db: Db,
  id: string,
): Promise<RegisteredLimitRow | undefined> {
  return await db
    .selectFrom('registered_limit')
    .selectAll()
    .where('id', '=', id)
    .executeTakeFirst();
}

export async function isRegistered(db: Db, key: LimitKey): Promise<boolean> {
  const query = db.selectFrom('registered_limit').select('id');
  return (await filtered(query, keyColumns(key)).executeTakeFirst()) !== undefined;
}

export async function listRegisteredLimits(
  db: Db,
  filters: Filters<keyof LimitKey>,
): Promise<RegisteredLimitRow[]> {
  const query = db.selectFrom('registered_limit').selectAll().orderBy('resource_name');
  return await filtered(query, filters).execute();
}

/** Inserts all or none. Returns false if one of them exists already. */
export async function insertRegisteredLimits(
  db: Db,
  rows: readonly RegisteredLimitRow[],
): Promise<boolean> {
  return await unlessDuplicate(() => db.insertInto('registered_limit').values(rows).execute());
}

/** Returns false if another registered limit has the new key. */
export async function updateRegisteredLimit(
  db: Db,
  id: string,
  changes: Partial<Omit<RegisteredLimitRow, 'id'>>,
): Promise<boolean> {
  return await unlessDuplicate(() =>
    db.updateTable('registered_limit').set(changes).where('id', '=', id).execute(),
  );
}

export async function deleteRegisteredLimit(db: Db, id: string): Promise<void> {
  await db.deleteFrom('registered_limit').where('id', '=', id).execute();
}

export async function findLimit(db: Db, id: string): Promise<LimitRow | undefined> {
  return await db.selectFrom('resource_limit').selectAll().where('id', '=', id).executeTakeFirst();
}

/** Whether any project or domain has a limit of its own with this key. */
export async function hasLimits(db: Db, key: LimitKey): Promise<boolean> {
  const query = db.selectFrom('resource_limit').select('id');
  return (await filtered(query, keyColumns(key)).executeTakeFirst()) !== undefined;
}

export async function listLimits(
  db: Db,
  filters: Filters<keyof LimitKey | 'project_id' | 'domain_id'>,
): Promise<LimitRow[]> {
  const query = db.selectFrom('resource_limit').selectAll().orderBy('resource_name');
  return await filtered(query, filters).execute();
}

/** Inserts all or none. Returns false if one of them exists already. */
export async function insertLimits(db: Db, rows: readonly LimitRow[]): Promise<boolean> {
  return await unlessDuplicate(() =>
    transaction(db, (trx) => trx.insertInto('resource_limit').values(rows).execute()),
  );
}

export async function updateLimit(
  db: Db,
  id: string,
  changes: Partial<Pick<LimitRow, 'resource_limit' | 'description'>>,
): Promise<void> {
  await db.updateTable('resource_limit').set(changes).where('id', '=', id).execute();
}

export async function deleteLimit(db: Db, id: string): Promise<void> {
  await db.deleteFrom('resource_limit').where('id', '=', id).execute();
}

const keyColumns = ({ service_id, region_id, resource_name }: LimitKey): LimitKey => ({
  service_id,
  region_id,
  resource_name,
});
