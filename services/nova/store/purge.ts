// SQL that purges the rows of servers deleted long ago.
import { transaction } from '#platform/db/transaction.ts';
import type { NovaDb } from './servers.ts';

// Servers in one transaction, during which other writers wait.
const batch = 500;

/**
 * Removes servers deleted before `beforeMs` with their action logs and migrations, and expired
 * console tokens. Returns the number of servers. A server that still has rows of interfaces or
 * volumes is kept: these are not released yet, and tasks/reap-ports.ts and reap-volumes.ts find
 * them by the server.
 */
export async function purgeDeleted(db: NovaDb, beforeMs: number, nowMs: number): Promise<number> {
  await db.deleteFrom('console_tokens').where('expires_at_ms', '<', nowMs).execute();
  for (let purged = 0; ;) {
    const count = await transaction(db, async (trx) => {
      const ids = (
        await trx
          .selectFrom('servers')
          .select('id')
          .where('deleted_at_ms', '<', beforeMs)
          .where((eb) =>
            eb.and(
              (['server_nics', 'server_volumes'] as const).map((table) =>
                eb.not(
                  eb.exists(
                    eb
                      .selectFrom(table)
                      .select('server_id')
                      .whereRef(`${table}.server_id`, '=', 'servers.id'),
                  ),
                ),
              ),
            ),
          )
          .limit(batch)
          .execute()
      ).map((row) => row.id);
      if (ids.length === 0) return 0;
      const actions = (
        await trx.selectFrom('actions').select('id').where('server_id', 'in', ids).execute()
      ).map((row) => row.id);
      if (actions.length > 0)
        await trx.deleteFrom('action_events').where('action_id', 'in', actions).execute();
      await trx.deleteFrom('actions').where('server_id', 'in', ids).execute();
      await trx.deleteFrom('migrations').where('server_id', 'in', ids).execute();
      await trx.deleteFrom('servers').where('id', 'in', ids).execute();
      return ids.length;
    });
    purged += count;
    if (count < batch) return purged;
  }
}
