// SQL of quotas: limits by project and user. Usage is counted from the servers' rows, so it cannot
// drift.
import { sql } from 'kysely';
import { upsert } from '#platform/db/transaction.ts';
import { isOver, openStatuses } from '../domain/migration-status.ts';
import type { QuotaLimits, QuotaResource, QuotaUsage } from '../domain/quota.ts';
import { quotaDefaults } from '../domain/quota.ts';
import { flavorOf } from '../domain/server-row.ts';
import type { NovaDb } from './servers.ts';

/**
 * The default quota class is stored with project id ''. It applies to every project without a row
 * of its own.
 */
export const defaultClass = '';

/**
 * Limits of other classes are stored under a name that cannot be a project id. They are only kept
 * and shown: no project is in such a class.
 */
export const classKey = (name: string): string =>
  name === 'default' ? defaultClass : `class ${name}`;

export async function classLimits(db: NovaDb, name: string): Promise<QuotaLimits> {
  const rows = await db
    .selectFrom('quotas')
    .selectAll()
    .where('project_id', '=', classKey(name))
    .where('user_id', '=', '')
    .execute();
  return {
    ...quotaDefaults,
    ...Object.fromEntries(
      rows.flatMap(({ resource, hard_limit: limit }) =>
        Object.hasOwn(quotaDefaults, resource) ? [[resource, limit]] : [],
      ),
    ),
  };
}

export async function quotaLimits(
  db: NovaDb,
  projectId: string,
  userId = '',
): Promise<QuotaLimits> {
  const rows = await db
    .selectFrom('quotas')
    .selectAll()
    .where('project_id', 'in', [defaultClass, projectId])
    .where('user_id', 'in', ['', userId])
    .execute();
  const limits: QuotaLimits = { ...quotaDefaults };
  const rank = (row: { project_id: string; user_id: string }): number =>
    row.project_id === defaultClass ? 0 : row.user_id === '' ? 1 : 2;
  for (const row of rows.sort((a, b) => rank(a) - rank(b)))
    if (row.resource in limits) limits[row.resource as QuotaResource] = row.hard_limit;
  return limits;
}

export async function quotaUsage(
  db: NovaDb,
  projectId: string,
  userId?: string,
): Promise<QuotaUsage> {
  let query = db
    .selectFrom('servers')
    .select([
      sql<number>`count(*)`.as('instances'),
      sql<number | null>`sum(vcpus)`.as('cores'),
      sql<number | null>`sum(memory_mib)`.as('ram'),
    ])
    .where('project_id', '=', projectId)
    .where('deleted_at_ms', 'is', null);
  if (userId !== undefined) query = query.where('user_id', '=', userId);
  const row = await query.executeTakeFirstOrThrow();
  const resizeUsage = await heldByResizes(db, projectId, userId);
  return {
    instances: Number(row.instances),
    cores: Number(row.cores ?? 0) + resizeUsage.cores,
    ram: Number(row.ram ?? 0) + resizeUsage.ram,
  };
}

/**
 * A server with an unfinished resize counts with the larger of its old and new flavor, since it may
 * end with either. This is the part beyond its current flavor.
 */
async function heldByResizes(
  db: NovaDb,
  projectId: string,
  userId: string | undefined,
): Promise<Pick<QuotaUsage, 'cores' | 'ram'>> {
  let query = db
    .selectFrom('migrations')
    .innerJoin('servers', 'servers.id', 'migrations.server_id')
    .select(['old_flavor', 'new_flavor', 'vcpus', 'memory_mib', 'status'])
    .where('type', '=', 'resize')
    .where('servers.project_id', '=', projectId)
    .where('servers.deleted_at_ms', 'is', null)
    .where('status', 'in', openStatuses);
  if (userId !== undefined) query = query.where('servers.user_id', '=', userId);
  const resizeUsage = { cores: 0, ram: 0 };
  for (const row of await query.execute()) {
    if (isOver('resize', row.status)) continue;
    const flavors = [row.old_flavor, row.new_flavor].map((flavor) => flavorOf({ flavor }));
    resizeUsage.cores += Math.max(...flavors.map(({ vcpus }) => vcpus), row.vcpus) - row.vcpus;
    resizeUsage.ram +=
      Math.max(...flavors.map(({ memoryMib }) => memoryMib), row.memory_mib) - row.memory_mib;
  }
  return resizeUsage;
}

/**
 * Serializes the creates of a project until the transaction ends, so that no concurrent create is
 * missed in the count.
 */
export async function lockQuota(trx: NovaDb, projectId: string, nowMs: number): Promise<void> {
  await upsert(trx, 'quota_locks', { project_id: projectId, touched: nowMs }, ['project_id']);
}

export async function setQuotas(
  db: NovaDb,
  projectId: string,
  userId: string,
  limits: Partial<QuotaLimits>,
): Promise<void> {
  for (const [resource, limit] of Object.entries(limits))
    await upsert(
      db,
      'quotas',
      { project_id: projectId, user_id: userId, resource, hard_limit: limit },
      ['project_id', 'user_id', 'resource'],
    );
}

export async function clearQuotas(db: NovaDb, projectId: string, userId?: string): Promise<void> {
  let query = db.deleteFrom('quotas').where('project_id', '=', projectId);
  if (userId !== undefined) query = query.where('user_id', '=', userId);
  await query.execute();
}
