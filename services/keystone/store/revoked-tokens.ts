// SQL of tokens that were revoked individually: their audit ids, kept until the tokens expire.
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

/**
 * Records that the token is revoked. Idempotent. Also deletes records of tokens that have expired
 * by `nowMs`.
 */
export async function revokeToken(
  db: Db,
  auditId: string,
  expiresAtMs: number,
  nowMs: number,
): Promise<void> {
  await upsert(db, 'revoked_token', { audit_id: auditId, expires_at: expiresAtMs }, ['audit_id']);
  await db.deleteFrom('revoked_token').where('expires_at', '<', nowMs).execute();
}
