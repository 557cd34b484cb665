// SQL of console tokens: which guest's console a token opens, and until when.
import { createHash } from 'node:crypto';
import type { NovaDb } from './servers.ts';

/**
 * The hash of a console token. Only hashes are stored, so that a stolen database opens no console.
 */
const hashOf = (token: string): string => createHash('sha256').update(token).digest('hex');

/** Stores what a console token grants, and deletes expired tokens. */
export async function insertConsoleToken(
  db: NovaDb,
  token: string,
  grant: { serverId: string; host: string; endsAtMs: number },
  nowMs: number,
): Promise<void> {
  await db.deleteFrom('console_tokens').where('expires_at_ms', '<', nowMs).execute();
  await db
    .insertInto('console_tokens')
    .values({
      token_hash: hashOf(token),
      server_id: grant.serverId,
      host: grant.host,
      protocol: 'vnc',
      expires_at_ms: grant.endsAtMs,
    })
    .execute();
}

/** The server and host of a token that has not expired. */
export async function findConsoleToken(
  db: NovaDb,
  token: string,
  nowMs: number,
): Promise<{ serverId: string; host: string } | undefined> {
  const row = await db
    .selectFrom('console_tokens')
    .select(['server_id', 'host'])
    .where('token_hash', '=', hashOf(token))
    .where('expires_at_ms', '>', nowMs)
    .executeTakeFirst();
  return row && { serverId: row.server_id, host: row.host };
}
