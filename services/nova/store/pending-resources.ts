// SQL of pending resources. A row exists while a request creates volumes, snapshots or an image at
// other services, and afterwards until everything not committed is removed.
import type { NovaDb } from './servers.ts';
import type { PendingResourcesRow } from './tables.ts';

export async function findPending(
  db: NovaDb,
  id: string,
): Promise<PendingResourcesRow | undefined> {
  return await db
    .selectFrom('pending_resources')
    .selectAll()
    .where('id', '=', id)
    .executeTakeFirst();
}

export async function insertPending(db: NovaDb, row: PendingResourcesRow): Promise<void> {
  await db.insertInto('pending_resources').values(row).execute();
}

export async function renewHeartbeat(db: NovaDb, id: string, untilMs: number): Promise<void> {
  await db
    .updateTable('pending_resources')
    .set({ heartbeat_until_ms: untilMs })
    .where('id', '=', id)
    .execute();
}

/** Commits all parts and deletes the row. False: the row is already marked as abandoned. */
export async function commitAll(trx: NovaDb, id: string): Promise<boolean> {
  const result = await trx
    .deleteFrom('pending_resources')
    .where('id', '=', id)
    .where('abandoned', '=', 0)
    .executeTakeFirst();
  return result.numDeletedRows === 1n;
}

/** Commits the first `parts` parts and marks the others as abandoned. False: already abandoned. */
export async function commitFirst(trx: NovaDb, id: string, parts: number): Promise<boolean> {
  const result = await trx
    .updateTable('pending_resources')
    .set({ abandoned: 1, committed_parts: parts })
    .where('id', '=', id)
    .where('abandoned', '=', 0)
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

/**
 * Marks what is not committed for removal; of a concurrent commit and this call only one succeeds.
 * Returns the row; undefined: everything is committed or removed.
 */
export async function abandonPending(
  db: NovaDb,
  id: string,
): Promise<PendingResourcesRow | undefined> {
  await db.updateTable('pending_resources').set({ abandoned: 1 }).where('id', '=', id).execute();
  return await findPending(db, id);
}

/** Rows marked for removal, and rows whose request has stopped sending heartbeats. */
export async function abandonedIds(db: NovaDb, nowMs: number, limit: number): Promise<string[]> {
  const rows = await db
    .selectFrom('pending_resources')
    .select('id')
    .where((eb) => eb.or([eb('abandoned', '=', 1), eb('heartbeat_until_ms', '<', nowMs)]))
    .orderBy('heartbeat_until_ms')
    .limit(limit)
    .execute();
  return rows.map(({ id }) => id);
}

export async function deletePending(db: NovaDb, id: string): Promise<void> {
  await db.deleteFrom('pending_resources').where('id', '=', id).execute();
}
