// SQL of volumes. A status is changed by compare-and-set (`changeVolumeIn`), so that of two callers
// one wins, or with the row locked (`lockVolume`); an operator's reset alone sets it whatever it
// is.
import { sql } from 'kysely';
import type { VolumeStatus } from '#contracts/cinder/volume-states.ts';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';
import type { RowChange } from './row-by-id.ts';
import { changeRow, changeRowIn, findRow } from './row-by-id.ts';
import type { CinderDb, Metadata, Scope } from './rows.ts';
import { metadataIn } from './rows.ts';
import type { VolumeRow } from './tables.ts';

export const findVolume = async (
  db: CinderDb,
  id: string,
  scope: Scope,
): Promise<VolumeRow | undefined> => await findRow(db, 'volumes', id, scope);

/**
 * The volume of any project. notFound: it was deleted meanwhile. For saga steps and RPC handlers,
 * and for routes that have checked the project before.
 */
export async function requireVolume(db: CinderDb, id: string): Promise<Outcome<VolumeRow>> {
  return (await findVolume(db, id, null)) ?? fault('notFound', `Volume ${id} could not be found.`);
}

export async function insertVolume(trx: CinderDb, row: VolumeRow): Promise<void> {
  await trx.insertInto('volumes').values(row).execute();
}

export type VolumeChange = RowChange<'volumes'>;

/** Changes a volume whatever its status. Returns whether it exists. */
export const changeVolume = async (
  db: CinderDb,
  id: string,
  change: VolumeChange,
  nowMs: number,
): Promise<boolean> => await changeRow(db, 'volumes', id, change, nowMs);

/** Changes a volume only while it is in one of these statuses. Returns whether it was. */
export const changeVolumeIn = async (
  db: CinderDb,
  id: string,
  from: readonly VolumeStatus[],
  change: VolumeChange,
  nowMs: number,
): Promise<boolean> => await changeRowIn(db, 'volumes', id, from, change, nowMs);

/**
 * Locks the volume's row until the transaction ends, without changing it: otherwise two
 * transactions on MariaDB could decide on the same status.
 */
export async function lockVolume(trx: CinderDb, id: string): Promise<void> {
  await trx
    .updateTable('volumes')
    .set((eb) => ({ status: eb.ref('status') }))
    .where('id', '=', id)
    .execute();
}

/** The volume, locked until the transaction ends. notFound: it was deleted meanwhile. */
export async function requireLockedVolume(trx: CinderDb, id: string): Promise<Outcome<VolumeRow>> {
  await lockVolume(trx, id);
  return await requireVolume(trx, id);
}

/** Deletes the volume's row with its attachments, snapshots and transfers. */
export async function deleteVolumeRows(trx: CinderDb, id: string): Promise<void> {
  await trx.deleteFrom('attachments').where('volume_id', '=', id).execute();
  await trx.deleteFrom('snapshots').where('volume_id', '=', id).execute();
  await trx.deleteFrom('transfers').where('volume_id', '=', id).execute();
  await trx.deleteFrom('volumes').where('id', '=', id).execute();
}

/** Number and total size of a project's volumes; null: of all projects. */
export async function volumeTotals(
  db: CinderDb,
  scope: Scope,
): Promise<{ count: number; sizeGib: number }> {
  const query = db
    .selectFrom('volumes')
    .select([sql<number>`count(*)`.as('count'), sql<number | null>`sum(size_gib)`.as('gib')]);
  const totals = await (
    scope === null ? query : query.where('project_id', '=', scope)
  ).executeTakeFirstOrThrow();
  return { count: Number(totals.count), sizeGib: Number(totals.gib ?? 0) };
}

/** The metadata maps of a project's volumes that are not empty; null: of all projects. */
export async function metadataOfVolumes(db: CinderDb, scope: Scope): Promise<Metadata[]> {
  const query = db.selectFrom('volumes').select('metadata_json').where('metadata_json', '!=', '{}');
  const rows = await (scope === null ? query : query.where('project_id', '=', scope)).execute();
  return rows.map(({ metadata_json }) => metadataIn(metadata_json));
}

/** Total size of the volumes of each pool, GiB. */
export async function provisionedByHost(db: CinderDb): Promise<ReadonlyMap<string | null, number>> {
  const rows = await db
    .selectFrom('volumes')
    .select(['host', sql<number>`sum(size_gib)`.as('gib')])
    .groupBy('host')
    .execute();
  return new Map(rows.map(({ host, gib }) => [host, Number(gib)]));
}

export interface HostUsage {
  projectId: string;
  count: number;
  sizeGib: number;
}

/** Usage of a host (`<control host>@<backend>`): its volumes and snapshots by project. */
export async function usageOfHost(
  db: CinderDb,
  host: string,
): Promise<{ volumes: HostUsage[]; snapshots: HostUsage[] }> {
  const volumes = await db
    .selectFrom('volumes')
    .select(['project_id', sql<number>`count(*)`.as('count'), sql<number>`sum(size_gib)`.as('gib')])
    .where('host', 'like', `${host}#%`)
    .groupBy('project_id')
    .execute();
  const snapshots = await db
    .selectFrom('snapshots as s')
    .innerJoin('volumes as v', 'v.id', 's.volume_id')
    .select([
      's.project_id',
      sql<number>`count(*)`.as('count'),
      sql<number>`sum(s.size_gib)`.as('gib'),
    ])
    .where('v.host', 'like', `${host}#%`)
    .groupBy('s.project_id')
    .execute();
  const usage = (row: { project_id: string; count: number; gib: number }): HostUsage => ({
    projectId: row.project_id,
    count: Number(row.count),
    sizeGib: Number(row.gib),
  });
  return { volumes: volumes.map(usage), snapshots: snapshots.map(usage) };
}
