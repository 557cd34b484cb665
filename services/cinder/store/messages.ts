// SQL of user messages about failed operations.
import { upsert } from '#platform/db/transaction.ts';
import { findRow } from './row-by-id.ts';
import type { CinderDb, Scope } from './rows.ts';
import type { MessageRow } from './tables.ts';

/**
 * Inserts a user message. Idempotent by id: a saga whose failure is handled twice leaves one
 * message.
 */
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
