// SQL of messages: what failed operations tell their owner.
import { upsert } from '#platform/db/transaction.ts';
import type { CinderDb, Scope } from './rows.ts';
import type { MessageRow } from './tables.ts';

/** Idempotent by id: a saga that settles twice tells it once. */
export async function insertMessage(db: CinderDb, row: MessageRow): Promise<void> {
  await upsert(db, 'messages', row, ['id']);
}

export async function purgeMessages(db: CinderDb, nowMs: number): Promise<void> {
  await db.deleteFrom('messages').where('expires_at_ms', '<', nowMs).execute();
}

export async function findMessage(
  db: CinderDb,
  id: string,
  scope: Scope,
): Promise<MessageRow | undefined> {
  const query = db.selectFrom('messages').selectAll().where('id', '=', id);
  return await (scope === null ? query : query.where('project_id', '=', scope)).executeTakeFirst();
}

export async function deleteMessage(db: CinderDb, id: string): Promise<void> {
  await db.deleteFrom('messages').where('id', '=', id).execute();
}
