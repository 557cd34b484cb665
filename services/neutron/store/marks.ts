// Marks that one-time work, such as the seed, was done in this cloud.
import { upsert } from '#platform/db/transaction.ts';
import type { NeutronDb } from './write.ts';

export async function isMarked(db: NeutronDb, name: string): Promise<boolean> {
  return (
    (await db.selectFrom('marks').select('name').where('name', '=', name).executeTakeFirst()) !==
    undefined
  );
}

export async function mark(db: NeutronDb, name: string): Promise<void> {
  await upsert(db, 'marks', { name }, ['name']);
}
