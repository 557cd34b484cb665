// SQL of messages: what failed operations tell their owner.
import { upsert } from '#platform/db/transaction.ts';
import { findRow } from './row-by-id.ts';
import type { CinderDb, Scope } from './rows.ts';
import type { MessageRow } from './tables.ts';

/** Idempotent by id: a saga that settles twice tells it once. */
export async function insertMessage(db: CinderDb, row: MessageRow): Promise<void> {
  await upsert(db, 'messages', row, ['id']);
}

export async function purgeMessages(db: CinderDb, nowMs: number): Promise<void> {
  await db.deleteFrom('messages').where('expires_at_ms', '<', nowMs).execute();
}

export const findMessage = async (
  db: CinderDb,
  id: string,
  scope: Scope,
): Promise<MessageRow | undefined> => await findRow(db, 'messages', id, scope);

export async function deleteMessage(db: CinderDb, id: string): Promise<void> {
  await db.deleteFrom('messages').where('id', '=', id).execute();
}
