// SQL of the last heartbeat of each host.
import type { Heartbeat, Sighting } from '#contracts/ha/wire.ts';
import { insertIfAbsent, transaction } from '#platform/db/transaction.ts';
import { followGuests } from '../domain/died-guests.ts';
import type { HaDb, HeartbeatRow } from './tables.ts';

/**
 * Replaces the host's previous heartbeat. If two arrive concurrently, either may be the one that is
 * kept.
 */
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
    await rememberGuests(trx, beat);
  });
}

async function rememberGuests(db: HaDb, { host, bootId, guests }: Heartbeat): Promise<void> {
  const existing = await db
    .selectFrom('ran_guests')
    .selectAll()
    .where('host', '=', host)
    .executeTakeFirst();
  const before = existing && {
    bootId: existing.boot_id,
    ran: JSON.parse(existing.ran) as string[],
  }; // as below
  const row = { boot_id: bootId, ran: JSON.stringify(followGuests(before, { bootId, guests })) };
  if (!existing) await insertIfAbsent(db, 'ran_guests', { host, ...row });
  else if (existing.boot_id !== row.boot_id || existing.ran !== row.ran)
    await db.updateTable('ran_guests').set(row).where('host', '=', host).execute();
}

export interface StoredHeartbeat extends Omit<HeartbeatRow, 'guests' | 'saw'> {
  guests: Heartbeat['guests'];
  saw: Record<string, Sighting>;
  /** Guests that have run in this boot of the host and were not stopped since. */
  ran: readonly string[];
}

export async function listHeartbeats(db: HaDb): Promise<StoredHeartbeat[]> {
  const rows = await db.selectFrom('heartbeats').selectAll().orderBy('host').execute();
  const ranOf = new Map(
    (await db.selectFrom('ran_guests').selectAll().execute()).map((row) => [row.host, row]),
  );
  return rows.map((row) => ({
    ...row,
    // This file's functions wrote the JSON.
    ran: JSON.parse(ranOf.get(row.host)?.ran ?? '[]') as string[],
    guests: JSON.parse(row.guests) as Heartbeat['guests'],
    saw: JSON.parse(row.saw) as Heartbeat['saw'],
  }));
}

export const listAddresses = async (db: HaDb): Promise<{ host: string; address: string }[]> =>
  await db.selectFrom('heartbeats').select(['host', 'address']).orderBy('host').execute();

/** Forgets all watchdogs: a host's watchdog counts again only when its agent reports it anew. */
export const forgetSelfFencing = async (db: HaDb): Promise<void> =>
  void (await db
    .updateTable('heartbeats')
    .set({ self_fencing_ms: null })
    .where('self_fencing_ms', 'is not', null)
    .execute());
