// SQL of quotas: limits of projects, and usage counted from the objects' rows.
import { sql } from 'kysely';
import { upsert } from '#platform/db/transaction.ts';
import type { QuotaLimits, QuotaResource, QuotaUsage, TypeResource } from '../domain/quota.ts';
import { typeQuotaName, typeResources } from '../domain/quota.ts';
import type { CinderDb } from './rows.ts';

/**
 * The default quota class is stored under project '': it applies to every project without a row of
 * its own.
 */
export const defaultClass = '';

export async function quotaLimits(
  db: CinderDb,
  projectId: string,
  defaults: QuotaLimits,
): Promise<QuotaLimits> {
  const rows = await db
    .selectFrom('quotas')
    .selectAll()
    .where('project_id', 'in', [defaultClass, projectId])
    .execute();
  const limits: QuotaLimits = { ...defaults };
  for (const own of [false, true]) {
    for (const row of rows)
      if ((row.project_id !== defaultClass) === own && row.resource in limits)
        limits[row.resource as QuotaResource] = row.hard_limit; // checked by `in`
  }
  return limits;
}

/** A project's number of volumes and their GiB, including growth by extensions in progress. */
const volumesOf = (db: CinderDb, projectId: string) =>
  db
    .selectFrom('volumes')
    .select([
      sql<number>`count(*)`.as('count'),
      sql<number | null>`sum(size_gib + extending_gib)`.as('gib'),
    ])
    .where('project_id', '=', projectId);

export async function quotaUsage(db: CinderDb, projectId: string): Promise<QuotaUsage> {
  const volumes = await volumesOf(db, projectId).executeTakeFirstOrThrow();
  const snapshots = await db
    .selectFrom('snapshots')
    .select([sql<number>`count(*)`.as('count'), sql<number | null>`sum(size_gib)`.as('gib')])
    .where('project_id', '=', projectId)
    .executeTakeFirstOrThrow();
  const backups = await db
    .selectFrom('backups')
    .select([sql<number>`count(*)`.as('count'), sql<number | null>`sum(size_gib)`.as('gib')])
    .where('project_id', '=', projectId)
    .executeTakeFirstOrThrow();
  return {
    volumes: Number(volumes.count),
    snapshots: Number(snapshots.count),
    gigabytes: Number(volumes.gib ?? 0) + Number(snapshots.gib ?? 0),
    backups: Number(backups.count),
    backup_gigabytes: Number(backups.gib ?? 0),
    groups: 0,
  };
}

/** The limits of single types that have been set, by name (`volumes_<type>`). */
export async function typeLimits(
  db: CinderDb,
  projectId: string,
  types: readonly string[],
): Promise<Map<string, number>> {
  const names = types.flatMap((type) =>
    typeResources.map((resource) => typeQuotaName(resource, type)),
  );
  if (names.length === 0) return new Map();
  const rows = await db
    .selectFrom('quotas')
    .selectAll()
    .where('project_id', 'in', [defaultClass, projectId])
    .where('resource', 'in', names)
    .execute();
  const own = (row: { project_id: string }): number => (row.project_id === defaultClass ? 0 : 1);
  return new Map(
    rows.sort((a, b) => own(a) - own(b)).map(({ resource, hard_limit }) => [resource, hard_limit]),
  );
}

/** A project's usage of one volume type. */
export async function typeUsage(
  db: CinderDb,
  projectId: string,
  typeId: string,
): Promise<Record<TypeResource, number>> {
  const volumes = await volumesOf(db, projectId)
    .where('type_id', '=', typeId)
    .executeTakeFirstOrThrow();
  const snapshots = await db
    .selectFrom('snapshots as s')
    .innerJoin('volumes as v', 'v.id', 's.volume_id')
    .select([sql<number>`count(*)`.as('count'), sql<number | null>`sum(s.size_gib)`.as('gib')])
    .where('s.project_id', '=', projectId)
    .where('v.type_id', '=', typeId)
    .executeTakeFirstOrThrow();
  return {
    volumes: Number(volumes.count),
    snapshots: Number(snapshots.count),
    gigabytes: Number(volumes.gib ?? 0) + Number(snapshots.gib ?? 0),
  };
}

/**
 * Serialises a project's creations until the transaction ends: otherwise two could each count
 * without the other and exceed the quota.
 */
export async function lockQuota(trx: CinderDb, projectId: string, nowMs: number): Promise<void> {
  await upsert(trx, 'quota_locks', { project_id: projectId, touched: nowMs }, ['project_id']);
}

export async function setQuotas(
  db: CinderDb,
  projectId: string,
  limits: Readonly<Record<string, number>>,
): Promise<void> {
  for (const [resource, limit] of Object.entries(limits))
    await upsert(db, 'quotas', { project_id: projectId, resource, hard_limit: limit }, [
      'project_id',
      'resource',
    ]);
}

export async function clearQuotas(db: CinderDb, projectId: string): Promise<void> {
  await db.deleteFrom('quotas').where('project_id', '=', projectId).execute();
}
