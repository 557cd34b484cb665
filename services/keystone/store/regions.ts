// SQL of the catalog's regions.
import { filtered, type Filters } from './filter.ts';
import type { Db, RegionRow } from './tables.ts';
import { unlessDuplicate } from './unless-duplicate.ts';

export async function findRegion(db: Db, id: string): Promise<RegionRow | undefined> {
  return await db.selectFrom('region').selectAll().where('id', '=', id).executeTakeFirst();
}

export async function listRegions(
  db: Db,
  filters: Filters<'parent_region_id'>,
): Promise<RegionRow[]> {
  return await filtered(db.selectFrom('region').selectAll().orderBy('id'), filters).execute();
}

/** Returns false if a region with this id exists. */
export async function insertRegion(db: Db, row: RegionRow): Promise<boolean> {
  return await unlessDuplicate(() => db.insertInto('region').values(row).execute());
}

export async function updateRegion(
  db: Db,
  id: string,
  changes: Partial<Omit<RegionRow, 'id'>>,
): Promise<void> {
  await db.updateTable('region').set(changes).where('id', '=', id).execute();
}

/** Whether an endpoint or another region refers to the region. */
export async function isRegionInUse(db: Db, id: string): Promise<boolean> {
  const endpoint = await db
    .selectFrom('endpoint')
    .select('id')
    .where('region_id', '=', id)
    .executeTakeFirst();
  const child = await db
    .selectFrom('region')
    .select('id')
    .where('parent_region_id', '=', id)
    .executeTakeFirst();
  return endpoint !== undefined || child !== undefined;
}

export async function deleteRegion(db: Db, id: string): Promise<void> {
  await db.deleteFrom('region').where('id', '=', id).execute();
}
