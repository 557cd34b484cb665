// SQL of moves: the servers of a failed host, and the outcome of each evacuation.
import { insertIfAbsent } from '#platform/db/transaction.ts';
import type { HaDb, MoveRow } from './tables.ts';

export const listMoves = async (db: HaDb, incidentId: string): Promise<MoveRow[]> =>
  await db
    .selectFrom('moves')
    .selectAll()
    .where('incident_id', '=', incidentId)
    .orderBy('priority', 'desc')
    .orderBy('server_id')
    .execute();

/** Returns false, and does nothing, if the incident already has this server. */
export async function addMove(
  db: HaDb,
  move: Pick<
    MoveRow,
    | 'incident_id'
    | 'server_id'
    | 'uuid'
    | 'name'
    | 'source_host'
    | 'status'
    | 'priority'
    | 'attempt_at_ms'
    | 'stays_off'
    | 'message'
  >,
): Promise<boolean> {
  return await insertIfAbsent(db, 'moves', {
    ...move,
    dest_host: null,
    attempts: 0,
    tried: '[]',
    started_at_ms: null,
    ended_at_ms: null,
  });
}

/**
 * Changes a move by compare-and-set on status and attempts. Returns false if another process has
 * changed the move.
 */
export async function changeMove(
  db: HaDb,
  { incident_id, server_id, status, attempts }: MoveRow,
  change: Partial<MoveRow>,
): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('moves')
    .set(change)
    .where('incident_id', '=', incident_id)
    .where('server_id', '=', server_id)
    .where('status', '=', status)
    .where('attempts', '=', attempts)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}
