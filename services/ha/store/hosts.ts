// SQL of the watched hosts. Each change of state is a compare-and-set on the row's generation, so
// that of two concurrent decisions one is written, in one transaction with its timeline entry and
// incident.
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

/** Adds a host to the watched ones, or updates its zone or service. Idempotent. */
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

/** Removes a host that no longer exists in Nova, if its row is unchanged. */
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

/** Returns false if there is no such host. */
export async function setEnabled(db: HaDb, host: string, isEnabled: boolean): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('hosts')
    .set((update) => ({ enabled: isEnabled ? 1 : 0, generation: update('generation', '+', 1) }))
    .where('host', '=', host)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

/** Writes why the host is in its state, or why nothing is done about it. */
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
  /** The incident that begins with this change; `id` is a new one. */
  opens?: Pick<IncidentRow, 'id' | 'boot_id'>;
  /** Changes of the host's incident, written with the state. */
  incident?: Partial<Omit<IncidentRow, 'id' | 'host'>>;
}

/** Returns false, and writes nothing, if another process has changed the host meanwhile. */
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
  void (await insertIfAbsent(trx, 'incidents', {
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
  }));
