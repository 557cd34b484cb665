// SQL of quotas: limits by project and how much is used, counted from the rows themselves.
import { sql } from 'kysely';
import { upsert } from '#platform/db/transaction.ts';
import type { QuotaLimits, QuotaResource, QuotaUsage } from '../domain/quota.ts';
import type { CinderDb } from './rows.ts';

/** The default class stands under project '': what every project has unless its own row says otherwise. */
export const defaultClass = '';

export async function quotaLimits(db: CinderDb, projectId: string, defaults: QuotaLimits): Promise<QuotaLimits> {
  const rows = await db.selectFrom('quotas').selectAll().where('project_id', 'in', [defaultClass, projectId]).execute();
  const limits: QuotaLimits = { ...defaults };
  for (const own of [false, true]) {
    for (const row of rows) if ((row.project_id !== defaultClass) === own && row.resource in limits) limits[row.resource as QuotaResource] = row.hard_limit; // `in` proves it
  }
  return limits;
}

export async function quotaUsage(db: CinderDb, projectId: string): Promise<QuotaUsage> {
  const volumes = await db.selectFrom('volumes').select([sql<number>`count(*)`.as('count'), sql<number | null>`sum(size_gib + extending_gib)`.as('gib')]).where('project_id', '=', projectId).executeTakeFirstOrThrow();
  const snapshots = await db.selectFrom('snapshots').select([sql<number>`count(*)`.as('count'), sql<number | null>`sum(size_gib)`.as('gib')]).where('project_id', '=', projectId).executeTakeFirstOrThrow();
  const backups = await db.selectFrom('backups').select([sql<number>`count(*)`.as('count'), sql<number | null>`sum(size_gib)`.as('gib')]).where('project_id', '=', projectId).executeTakeFirstOrThrow();
  return {
    volumes: Number(volumes.count), snapshots: Number(snapshots.count), gigabytes: Number(volumes.gib ?? 0) + Number(snapshots.gib ?? 0),
    backups: Number(backups.count), backup_gigabytes: Number(backups.gib ?? 0), groups: 0,
  };
}

/** Makes the project's creates wait for each other until the transaction ends, so that none counts what another is about to add. */
export async function lockQuota(trx: CinderDb, projectId: string, nowMs: number): Promise<void> {
  await upsert(trx, 'quota_locks', { project_id: projectId, touched: nowMs }, ['project_id']);
}

export async function setQuotas(db: CinderDb, projectId: string, limits: Partial<QuotaLimits>): Promise<void> {
  for (const [resource, limit] of Object.entries(limits)) await upsert(db, 'quotas', { project_id: projectId, resource, hard_limit: limit }, ['project_id', 'resource']);
}

export async function clearQuotas(db: CinderDb, projectId: string): Promise<void> {
  await db.deleteFrom('quotas').where('project_id', '=', projectId).execute();
}
