// SQL of host aggregates: named groups of hosts with metadata. An aggregate with
// `availability_zone` in its metadata is a zone.
import { transaction } from '#platform/db/transaction.ts';
import type { Ids } from '#platform/ids.ts';
import { computeBinary } from './hosts.ts';
import { takeNumbers } from './servers.ts';
import type { NovaDb } from './servers.ts';
import type { AggregateRow } from './tables.ts';

export interface Aggregate extends Omit<AggregateRow, 'metadata'> {
  metadata: Record<string, string>;
  /** Sorted by name. */
  hosts: string[];
}

export const zoneKey = 'availability_zone';

export async function listAggregates(db: NovaDb): Promise<Aggregate[]> {
  const rows = await db.selectFrom('aggregates').selectAll().orderBy('id').execute();
  const members = await db.selectFrom('aggregate_hosts').selectAll().orderBy('host').execute();
  return rows.map((row) =>
    whole(
      row,
      members.filter((member) => member.aggregate_id === row.id).map((member) => member.host),
    ),
  );
}

export async function findAggregate(db: NovaDb, id: number): Promise<Aggregate | undefined> {
  const row = await db.selectFrom('aggregates').selectAll().where('id', '=', id).executeTakeFirst();
  if (!row) return undefined;
  const members = await db
    .selectFrom('aggregate_hosts')
    .select('host')
    .where('aggregate_id', '=', id)
    .orderBy('host')
    .execute();
  return whole(
    row,
    members.map((member) => member.host),
  );
}

const whole = (row: AggregateRow, hosts: string[]): Aggregate => ({
  ...row,
  metadata: JSON.parse(row.metadata) as Record<string, string>,
  hosts,
});

/** Inserts an aggregate; undefined: another one has this name. */
export async function insertAggregate(
  db: NovaDb,
  name: string,
  metadata: Record<string, string>,
  ids: Ids,
  nowMs: number,
): Promise<Aggregate | undefined> {
  return await transaction(db, async (trx) => {
    // Locks the counter's row first, which serializes concurrent creates, so that the name check is
    // safe.
    const [id = 0] = await takeNumbers(trx, 'aggregates', 1);
    if (await nameTaken(trx, name)) return undefined;
    const row: AggregateRow = {
      id,
      uuid: ids.uuid(),
      name,
      metadata: JSON.stringify(metadata),
      created_at_ms: nowMs,
      updated_at_ms: null,
    };
    await trx.insertInto('aggregates').values(row).execute();
    return whole(row, []);
  });
}

const nameTaken = async (db: NovaDb, name: string): Promise<boolean> =>
  (await db.selectFrom('aggregates').select('id').where('name', '=', name).executeTakeFirst()) !==
  undefined;

export type AggregateRefusal =
  | 'no such aggregate'
  | 'name taken'
  | 'other zone'
  | 'not empty'
  | 'no such host'
  | 'already in'
  | 'not in'
  | 'zone in use';

/** Runs `work` on the aggregate, if it exists, while no other aggregate can be changed. */
const changing = async (
  db: NovaDb,
  id: number,
  work: (trx: NovaDb, now: Aggregate) => Promise<AggregateRefusal | undefined>,
): Promise<AggregateRefusal | undefined> =>
  await transaction(db, async (trx) => {
    await lockAll(trx);
    const now = await findAggregate(trx, id);
    return now ? await work(trx, now) : 'no such aggregate';
  });

async function touch(trx: NovaDb, id: number, nowMs: number): Promise<void> {
  await trx.updateTable('aggregates').set({ updated_at_ms: nowMs }).where('id', '=', id).execute();
}

/**
 * Changes name or metadata or both. 'other zone': a host would be in two zones; 'zone in use':
 * servers run in the old zone.
 */
export async function changeAggregate(
  db: NovaDb,
  id: number,
  change: { name?: string; metadata?: (now: Record<string, string>) => Record<string, string> },
  nowMs: number,
): Promise<AggregateRefusal | undefined> {
  return await changing(db, id, async (trx, now) => {
    if (
      change.name !== undefined &&
      change.name !== now.name &&
      (await nameTaken(trx, change.name))
    )
      return 'name taken';
    const metadata = change.metadata?.(now.metadata) ?? now.metadata;
    const zone = metadata[zoneKey];
    if (zone !== now.metadata[zoneKey]) {
      if (zone !== undefined && (await inOtherZone(trx, now.hosts, zone, id))) return 'other zone';
      // The zone of hosts with servers cannot change, since servers keep their zone:
      // nova.compute.api.AggregateAPI.is_safe_to_update_az.
      if (now.hosts.length > 0 && (await serversOn(trx, now.hosts)) > 0) return 'zone in use';
    }
    await trx
      .updateTable('aggregates')
      .set({
        name: change.name ?? now.name,
        metadata: JSON.stringify(metadata),
        updated_at_ms: nowMs,
      })
      .where('id', '=', id)
      .execute();
    return undefined;
  });
}

export async function deleteAggregate(
  db: NovaDb,
  id: number,
): Promise<AggregateRefusal | undefined> {
  return await changing(db, id, async (trx, now) => {
    if (now.hosts.length > 0) return 'not empty';
    await trx.deleteFrom('aggregates').where('id', '=', id).execute();
    return undefined;
  });
}

export async function addHost(
  db: NovaDb,
  id: number,
  host: string,
  nowMs: number,
): Promise<AggregateRefusal | undefined> {
  return await changing(db, id, async (trx, now) => {
    if (
      !(await trx
        .selectFrom('services')
        .select('id')
        .where('binary', '=', computeBinary)
        .where('host', '=', host)
        .executeTakeFirst())
    )
      return 'no such host';
    if (now.hosts.includes(host)) return 'already in';
    const zone = now.metadata[zoneKey];
    if (zone !== undefined && (await inOtherZone(trx, [host], zone, id))) return 'other zone';
    await trx.insertInto('aggregate_hosts').values({ aggregate_id: id, host }).execute();
    await touch(trx, id, nowMs);
    return undefined;
  });
}

export async function removeHost(
  db: NovaDb,
  id: number,
  host: string,
  nowMs: number,
): Promise<AggregateRefusal | undefined> {
  return await transaction(db, async (trx) => {
    const deletion = await trx
      .deleteFrom('aggregate_hosts')
      .where('aggregate_id', '=', id)
      .where('host', '=', host)
      .executeTakeFirst();
    if (deletion.numDeletedRows === 0n)
      return (await findAggregate(trx, id)) ? 'not in' : 'no such aggregate';
    await touch(trx, id, nowMs);
    return undefined;
  });
}

/**
 * A no-op update that locks all rows, since the rules about zones read all aggregates. They are few
 * and rarely changed.
 */
async function lockAll(trx: NovaDb): Promise<void> {
  await trx
    .updateTable('aggregates')
    .set((eb) => ({ name: eb.ref('name') }))
    .execute();
}

async function inOtherZone(
  db: NovaDb,
  hosts: readonly string[],
  zone: string,
  id: number,
): Promise<boolean> {
  return (await listAggregates(db)).some((other) => {
    const theirs = other.metadata[zoneKey];
    return (
      other.id !== id &&
      theirs !== undefined &&
      theirs !== zone &&
      other.hosts.some((host) => hosts.includes(host))
    );
  });
}

async function serversOn(db: NovaDb, hosts: readonly string[]): Promise<number> {
  const { count } = await db
    .selectFrom('servers')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('host', 'in', [...hosts])
    .where('deleted_at_ms', 'is', null)
    .executeTakeFirstOrThrow();
  return Number(count);
}
