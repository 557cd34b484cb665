// SQL of the catalog's services.
import { filtered, type Filters } from './filter.ts';
import type { Db, ServiceRow } from './tables.ts';

export async function findService(db: Db, id: string): Promise<ServiceRow | undefined> {
  return await db.selectFrom('service').selectAll().where('id', '=', id).executeTakeFirst();
}

export async function listServices(
  db: Db,
  filters: Filters<'type' | 'name'>,
): Promise<ServiceRow[]> {
  return await filtered(db.selectFrom('service').selectAll().orderBy('id'), filters).execute();
}

export async function insertService(db: Db, row: ServiceRow): Promise<void> {
  await db.insertInto('service').values(row).execute();
}

export async function updateService(
  db: Db,
  id: string,
  changes: Partial<Omit<ServiceRow, 'id'>>,
): Promise<void> {
  await db.updateTable('service').set(changes).where('id', '=', id).execute();
}

/** Deletes a service; foreign keys delete its endpoints. */
export async function deleteService(db: Db, id: string): Promise<void> {
  await db.deleteFrom('service').where('id', '=', id).execute();
}
