// SQL of masakari's failover segments and their hosts.
import type { Kysely } from 'kysely';
import { isUniqueViolation } from '#platform/db/errors.ts';
import { transaction } from '#platform/db/transaction.ts';
import { addEntry } from './incidents.ts';
import type { HaDb, HaTables, SegmentHostRow, SegmentRow } from './tables.ts';

type Numbered = 'segments' | 'segment_hosts' | 'notifications';
const attempts = 5;

/**
 * The next number of a list, in the caller's transaction. If two transactions take the same number,
 * one fails with a unique violation and is repeated: see `numbered`.
 */
export async function nextNumber(trx: Kysely<HaTables>, table: Numbered): Promise<number> {
  const { last } = await trx
    .selectFrom(table)
    .select((expression) => expression.fn.max<number | null>('number').as('last'))
    .executeTakeFirstOrThrow();
  return Number(last ?? 0) + 1;
}

/**
 * Runs `work` in a transaction, and again after a unique violation: another transaction has taken
 * the number or the name, which `work` sees in the next run.
 */
export async function numbered<T>(
  db: HaDb,
  work: (trx: Kysely<HaTables>) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1)
    try {
      return await transaction(db, work);
    } catch (error) {
      if (!isUniqueViolation(error) || attempt === attempts) throw error;
    }
}

export const listSegments = async (db: HaDb): Promise<SegmentRow[]> =>
  await db.selectFrom('segments').selectAll().execute();

export const findSegment = async (db: HaDb, uuid: string): Promise<SegmentRow | undefined> =>
  await db.selectFrom('segments').selectAll().where('uuid', '=', uuid).executeTakeFirst();

/** Inserts a segment. undefined: the name is taken. */
export async function createSegment(
  db: HaDb,
  segment: Omit<SegmentRow, 'number' | 'updated_at_ms'>,
): Promise<SegmentRow | undefined> {
  return await numbered(db, async (trx) => {
    if (await isTaken(trx, 'segments', segment.name, segment.uuid)) return undefined;
    const row = { ...segment, number: await nextNumber(trx, 'segments'), updated_at_ms: null };
    await trx.insertInto('segments').values(row).execute();
    return row;
  });
}

/** Returns false, and changes nothing, if the new name is taken by another segment. */
export async function changeSegment(
  db: HaDb,
  uuid: string,
  change: Partial<SegmentRow>,
): Promise<boolean> {
  return await numbered(db, async (trx) => {
    const { name } = change;
    if (name !== undefined && (await isTaken(trx, 'segments', name, uuid))) return false;
    await trx.updateTable('segments').set(change).where('uuid', '=', uuid).execute();
    return true;
  });
}

/** Deletes the segment and its hosts. */
export async function deleteSegment(db: HaDb, uuid: string): Promise<void> {
  await transaction(db, async (trx) => {
    await trx.deleteFrom('segment_hosts').where('segment_uuid', '=', uuid).execute();
    await trx.deleteFrom('segments').where('uuid', '=', uuid).execute();
  });
}

export const listSegmentHosts = async (db: HaDb, segment: string): Promise<SegmentHostRow[]> =>
  await db
    .selectFrom('segment_hosts')
    .selectAll()
    .where('segment_uuid', '=', segment)
    .orderBy('number')
    .execute();

export const findSegmentHost = async (
  db: HaDb,
  segment: string,
  uuid: string,
): Promise<SegmentHostRow | undefined> =>
  await db
    .selectFrom('segment_hosts')
    .selectAll()
    .where('segment_uuid', '=', segment)
    .where('uuid', '=', uuid)
    .executeTakeFirst();

/** The segment of a host; a host is in at most one. */
export async function segmentOf(
  db: HaDb,
  name: string,
): Promise<{ host: SegmentHostRow; segment: SegmentRow } | undefined> {
  const host = await db
    .selectFrom('segment_hosts')
    .selectAll()
    .where('name', '=', name)
    .executeTakeFirst();
  const segment = host && (await findSegment(db, host.segment_uuid));
  return segment && { host, segment };
}

/** Inserts a host of a segment. undefined: the host is already in a segment. */
export async function createSegmentHost(
  db: HaDb,
  host: Omit<SegmentHostRow, 'number' | 'updated_at_ms' | 'used_by'>,
): Promise<SegmentHostRow | undefined> {
  return await numbered(db, async (trx) => {
    if (await isTaken(trx, 'segment_hosts', host.name, host.uuid)) return undefined;
    const number = await nextNumber(trx, 'segment_hosts');
    const row = { ...host, number, updated_at_ms: null, used_by: null };
    await trx.insertInto('segment_hosts').values(row).execute();
    return row;
  });
}

/** Returns false, and changes nothing, if the new name is taken by another host of a segment. */
export async function changeSegmentHost(
  db: HaDb,
  uuid: string,
  change: Partial<SegmentHostRow>,
): Promise<boolean> {
  return await numbered(db, async (trx) => {
    const { name } = change;
    if (name !== undefined && (await isTaken(trx, 'segment_hosts', name, uuid))) return false;
    await trx.updateTable('segment_hosts').set(change).where('uuid', '=', uuid).execute();
    return true;
  });
}

/**
 * Marks a reserved host as used in place of the failed one, and adds that to the incident's
 * timeline.
 */
export async function useReserved(
  db: HaDb,
  { uuid, name }: SegmentHostRow,
  incidentId: string,
  nowMs: number,
): Promise<void> {
  await transaction(db, async (trx) => {
    await trx
      .updateTable('segment_hosts')
      .set({ reserved: 0, used_by: incidentId, updated_at_ms: nowMs })
      .where('uuid', '=', uuid)
      .execute();
    const what = 'a reserved host takes its place';
    await addEntry(trx, incidentId, { atMs: nowMs, what, detail: { host: name } });
  });
}

export async function deleteSegmentHost(db: HaDb, uuid: string): Promise<void> {
  await db.deleteFrom('segment_hosts').where('uuid', '=', uuid).execute();
}

async function isTaken(
  trx: Kysely<HaTables>,
  table: 'segments' | 'segment_hosts',
  name: string,
  uuid: string,
): Promise<boolean> {
  const other = await trx
    .selectFrom(table)
    .select('uuid')
    .where('name', '=', name)
    .where('uuid', '!=', uuid)
    .executeTakeFirst();
  return other !== undefined;
}
