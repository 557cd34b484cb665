// The hosts that are watched. Each change is written with the generation that it was decided on, so
// of two that decide at the same time one writes, and its timeline entry and incident with it.
import type { Kysely } from 'kysely';
import type { HaState } from '#contracts/ha/host-states.ts';
import type { TimelineEntry } from '#contracts/ha/wire.ts';
import { insertIfAbsent, transaction } from '#platform/db/transaction.ts';
import { addEntry } from './incidents.ts';
import type { HaDb, HaTables, HostRow, IncidentRow } from './tables.ts';

export const listHosts = async (db: HaDb): Promise<HostRow[]> =>
  await db.selectFrom('hosts').selectAll().orderBy('host').execute();

export const findHost = async (db: HaDb, host: string): Promise<HostRow | undefined> =>
  await db.selectFrom('hosts').selectAll().where('host', '=', host).executeTakeFirst();

/** A host is watched from now on, or has another zone or service. Safe to repeat. */
export async function registerHost(
  db: HaDb,
  { host, zone, serviceId }: { host: string; zone: string; serviceId: string },
  nowMs: number,
): Promise<void> {
  await insertIfAbsent(db, 'hosts', {
    host,
    zone,
    service_id: serviceId,
    enabled: 1,
    state: 'Healthy',
    since_ms: nowMs,
    generation: 0,
    reason: '',
    incident_id: null,
  });
  await db
    .updateTable('hosts')
    .set({ zone, service_id: serviceId })
    .where('host', '=', host)
    .execute();
}

/** One that Nova has no more. Only while nothing is under way with it. */
export async function forgetHost(db: HaDb, { host, generation }: HostRow): Promise<void> {
  await transaction(db, async (trx) => {
    const { numDeletedRows } = await trx
      .deleteFrom('hosts')
      .where('host', '=', host)
      .where('generation', '=', generation)
      .executeTakeFirst();
    if (numDeletedRows === 0n) return;
    await trx.deleteFrom('heartbeats').where('host', '=', host).execute();
    await trx.deleteFrom('ran_guests').where('host', '=', host).execute();
  });
}

/** False: there is no such host. */
export async function setEnabled(db: HaDb, host: string, isEnabled: boolean): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('hosts')
    .set((update) => ({ enabled: isEnabled ? 1 : 0, generation: update('generation', '+', 1) }))
    .where('host', '=', host)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

/** Why it is in its state, or nothing is done about it. */
export async function setReason(db: HaDb, row: HostRow, reason: string): Promise<void> {
  if (row.reason === reason) return;
  await db
    .updateTable('hosts')
    .set({ reason })
    .where('host', '=', row.host)
    .where('generation', '=', row.generation)
    .execute();
}

export interface StateChange {
  state: HaState;
  reason: string;
  entry: Omit<TimelineEntry, 'atMs'>;
  /** Begins with this change; a fresh id. */
  opens?: Pick<IncidentRow, 'id' | 'boot_id'>;
  /** Of the host's incident, changed with it. */
  incident?: Partial<Omit<IncidentRow, 'id' | 'host'>>;
}

/** False: somebody else has changed the host meanwhile; nothing is written then. */
export async function changeState(
  db: HaDb,
  row: HostRow,
  { state, reason, entry, opens, incident }: StateChange,
  nowMs: number,
): Promise<boolean> {
  return await transaction(db, async (trx) => {
    const incidentId = opens?.id ?? row.incident_id;
    const { numUpdatedRows } = await trx
      .updateTable('hosts')
      .set({
        state,
        reason,
        since_ms: nowMs,
        generation: row.generation + 1,
        incident_id: incidentId,
      })
      .where('host', '=', row.host)
      .where('generation', '=', row.generation)
      .executeTakeFirst();
    if (numUpdatedRows === 0n) return false;
    if (opens) await openIncident(trx, row.host, opens, nowMs);
    if (incidentId === null) return true;
    if (incident)
      await trx.updateTable('incidents').set(incident).where('id', '=', incidentId).execute();
    await addEntry(trx, incidentId, { ...entry, atMs: nowMs });
    return true;
  });
}

const openIncident = async (
  trx: Kysely<HaTables>,
  host: string,
  opened: Pick<IncidentRow, 'id' | 'boot_id'>,
  nowMs: number,
): Promise<void> =>
  await insertIfAbsent(trx, 'incidents', {
    ...opened,
    host,
    began_at_ms: nowMs,
    ended_at_ms: null,
    fencing_since_ms: null,
    off_taken: 0,
    off_readings: 0,
    bmc_silent_since_ms: null,
    released: 0,
    entries: 0,
  });
