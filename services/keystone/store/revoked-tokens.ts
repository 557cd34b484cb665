// Tokens that were revoked one by one, by audit id, until they would have expired anyway.
import { upsert } from '#platform/db/transaction.ts';
import type { Db } from './tables.ts';

export async function isRevoked(db: Db, auditId: string): Promise<boolean> {
  const row = await db
    .selectFrom('revoked_token')
    .select('audit_id')
    .where('audit_id', '=', auditId)
    .executeTakeFirst();
  return row !== undefined;
}

/** Safe to repeat. Forgets those that have expired at `nowMs`. */
export async function revokeToken(
  db: Db,
  auditId: string,
  expiresAtMs: number,
  nowMs: number,
): Promise<void> {
  await upsert(db, 'revoked_token', { audit_id: auditId, expires_at: expiresAtMs }, ['audit_id']);
  await db.deleteFrom('revoked_token').where('expires_at', '<', nowMs).execute();
}
