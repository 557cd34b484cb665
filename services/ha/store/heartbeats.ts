// What the agents of hosts reported last.
import type { Heartbeat, Sighting } from '#contracts/ha/wire.ts';
import { insertIfAbsent, transaction } from '#platform/db/transaction.ts';
import type { HaDb, HeartbeatRow } from './tables.ts';

/** A report replaces the one before; of two that arrive together either may be kept. */
export async function recordHeartbeat(db: HaDb, beat: Heartbeat, nowMs: number): Promise<void> {
  const row = {
    boot_id: beat.bootId,
    received_at_ms: nowMs,
    uptime_s: beat.uptimeS,
    address: beat.address,
    guests: JSON.stringify(beat.guests),
    self_fencing_ms: beat.selfFencingMs,
    saw: JSON.stringify(beat.saw),
  };
  await transaction(db, async (trx) => {
    const { numUpdatedRows } = await trx
      .updateTable('heartbeats')
      .set((update) => ({ ...row, beats: update('beats', '+', 1) }))
      .where('host', '=', beat.host)
      .executeTakeFirst();
    if (numUpdatedRows === 0n)
      await insertIfAbsent(trx, 'heartbeats', { host: beat.host, beats: 1, ...row });
  });
}

export interface KnownHeartbeat extends Omit<HeartbeatRow, 'guests' | 'saw'> {
  guests: Heartbeat['guests'];
  saw: Record<string, Sighting>;
}

export async function listHeartbeats(db: HaDb): Promise<KnownHeartbeat[]> {
  const rows = await db.selectFrom('heartbeats').selectAll().orderBy('host').execute();
  return rows.map((row) => ({
    ...row,
    // written above
    guests: JSON.parse(row.guests) as Heartbeat['guests'],
    saw: JSON.parse(row.saw) as Heartbeat['saw'],
  }));
}

export const listAddresses = async (db: HaDb): Promise<{ host: string; address: string }[]> =>
  await db.selectFrom('heartbeats').select(['host', 'address']).orderBy('host').execute();

/** No host's watchdog counts until its agent tells of it again. */
export const forgetSelfFencing = async (db: HaDb): Promise<void> =>
  void (await db
    .updateTable('heartbeats')
    .set({ self_fencing_ms: null })
    .where('self_fencing_ms', 'is not', null)
    .execute());
