// SQL of the catalog's endpoints.
import { filtered, type Filters } from './filter.ts';
import type { Db, EndpointRow } from './tables.ts';

export async function findEndpoint(db: Db, id: string): Promise<EndpointRow | undefined> {
  return await db.selectFrom('endpoint').selectAll().where('id', '=', id).executeTakeFirst();
}

export async function listEndpoints(
  db: Db,
  filters: Filters<'interface' | 'service_id' | 'region_id' | 'enabled'> = {},
): Promise<EndpointRow[]> {
  return await filtered(db.selectFrom('endpoint').selectAll().orderBy('id'), filters).execute();
}

export async function insertEndpoint(db: Db, row: EndpointRow): Promise<void> {
  await db.insertInto('endpoint').values(row).execute();
}

export async function updateEndpoint(
  db: Db,
  id: string,
  changes: Partial<Omit<EndpointRow, 'id'>>,
): Promise<void> {
  await db.updateTable('endpoint').set(changes).where('id', '=', id).execute();
}

export async function deleteEndpoint(db: Db, id: string): Promise<void> {
  await db.deleteFrom('endpoint').where('id', '=', id).execute();
}
