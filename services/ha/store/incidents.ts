// SQL of incidents: what happened to a host since it became suspect, as a timeline with evidence.
import type { Kysely } from 'kysely';
import type { TimelineEntry } from '#contracts/ha/wire.ts';
import { transaction } from '#platform/db/transaction.ts';
import type { HaDb, HaTables, IncidentRow } from './tables.ts';

export const findIncident = async (db: HaDb, id: string): Promise<IncidentRow | undefined> =>
  await db.selectFrom('incidents').selectAll().where('id', '=', id).executeTakeFirst();

/**
 * Entries kept of one timeline: its first and its newest ones. A host that cannot be fenced is
 * retried, and so adds entries, until an operator helps.
 */
const retention = { first: 100, newest: 400 };

/**
 * Adds an entry in the caller's transaction. The incident's row counts its entries, so that each
 * number is unique.
 */
export async function addEntry(
  trx: Kysely<HaTables>,
  incidentId: string,
  { atMs, what, detail }: TimelineEntry,
): Promise<void> {
  await trx
    .updateTable('incidents')
    .set((update) => ({ entries: update('entries', '+', 1) }))
    .where('id', '=', incidentId)
    .execute();
  const { entries } = await trx
    .selectFrom('incidents')
    .select('entries')
    .where('id', '=', incidentId)
    .executeTakeFirstOrThrow();
  await trx
    .insertInto('incident_entries')
    .values({
      incident_id: incidentId,
      seq: entries,
      at_ms: atMs,
      what,
      detail: JSON.stringify(detail),
    })
    .execute();
  await trx
    .deleteFrom('incident_entries')
    .where('incident_id', '=', incidentId)
    .where('seq', '>', retention.first)
    .where('seq', '<=', entries - retention.newest)
    .execute();
}

/** Changes the incident and, if `entry` is given, adds it to the timeline. */
export async function noteIncident(
  db: HaDb,
  incidentId: string,
  change: Partial<Omit<IncidentRow, 'id' | 'host' | 'entries'>>,
  entry?: TimelineEntry,
): Promise<void> {
  await transaction(db, async (trx) => {
    if (Object.keys(change).length > 0)
      await trx.updateTable('incidents').set(change).where('id', '=', incidentId).execute();
    if (entry) await addEntry(trx, incidentId, entry);
  });
}

export async function listEntries(db: HaDb, incidentId: string): Promise<TimelineEntry[]> {
  const rows = await db
    .selectFrom('incident_entries')
    .selectAll()
    .where('incident_id', '=', incidentId)
    .orderBy('seq')
    .execute();
  return rows.map(({ at_ms, what, detail }) => ({
    atMs: at_ms,
    what,
    detail: JSON.parse(detail) as TimelineEntry['detail'], // JSON written above
  }));
}
