// SQL of registered OAuth consumers.
import type { ConsumerRow, Db } from './tables.ts';

export async function findConsumer(db: Db, id: string): Promise<ConsumerRow | undefined> {
  return await db.selectFrom('consumer').selectAll().where('id', '=', id).executeTakeFirst();
}

export async function listConsumers(db: Db): Promise<ConsumerRow[]> {
  return await db.selectFrom('consumer').selectAll().orderBy('id').execute();
}

export async function insertConsumer(db: Db, row: ConsumerRow): Promise<void> {
  await db.insertInto('consumer').values(row).execute();
}

export async function updateConsumer(
  db: Db,
  id: string,
  changes: Partial<Omit<ConsumerRow, 'id'>>,
): Promise<void> {
  await db.updateTable('consumer').set(changes).where('id', '=', id).execute();
}

export async function deleteConsumer(db: Db, id: string): Promise<void> {
  await db.deleteFrom('consumer').where('id', '=', id).execute();
}
