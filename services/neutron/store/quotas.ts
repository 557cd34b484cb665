// Quotas of projects, and the usage that counts against them. `chargeQuota` runs in the transaction
// that adds the objects.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';
import { holdName } from '#platform/db/named-lock.ts';
import { upsert } from '#platform/db/transaction.ts';
import type { QuotaLimits, QuotaResource } from '../domain/quota.ts';
import { fitsQuota, quotaResources } from '../domain/quota.ts';
import type { ListedTable } from './list.ts';
import { countOf } from './objects.ts';
import type { NeutronDb, NeutronTrx } from './write.ts';

const tableOf: Readonly<Record<QuotaResource, ListedTable>> = {
  network: 'networks',
  subnet: 'subnets',
  port: 'ports',
  router: 'routers',
  floatingip: 'floating_ips',
  security_group: 'security_groups',
  security_group_rule: 'security_group_rules',
  subnetpool: 'subnetpools',
};

/**
 * Checks the quota before `more` objects are inserted; overQuota if they exceed the limit. Objects
 * without a project are Neutron's own, and are not counted.
 */
export async function chargeQuota(
  trx: NeutronTrx,
  defaults: QuotaLimits,
  resource: QuotaResource,
  projectId: string,
  more: number,
): Promise<Outcome<void>> {
  if (projectId === '') return undefined;
  await holdName(trx, `quota of ${projectId}`); // serialises concurrent counts of this project
  const own = await trx
    .selectFrom('quotas')
    .select('value')
    .where('project_id', '=', projectId)
    .where('resource', '=', resource)
    .executeTakeFirst();
  const limit = own?.value ?? defaults[resource];
  if (limit < 0 || fitsQuota(limit, await countOf(trx, tableOf[resource], projectId), more))
    return undefined;
  return fault('overQuota', `Quota exceeded for resources: ['${resource}'].`, {
    type: 'OverQuota',
  });
}

export async function limitsOf(
  db: NeutronDb,
  defaults: QuotaLimits,
  projectId: string,
): Promise<Record<QuotaResource, number>> {
  const own = await db
    .selectFrom('quotas')
    .select(['resource', 'value'])
    .where('project_id', '=', projectId)
    .execute();
  return {
    ...defaults,
    ...Object.fromEntries(own.map(({ resource, value }) => [resource, value])),
  };
}

export async function usedBy(
  db: NeutronDb,
  projectId: string,
): Promise<Record<QuotaResource, number>> {
  const used: [QuotaResource, number][] = [];
  for (const resource of quotaResources)
    used.push([resource, await countOf(db, tableOf[resource], projectId)]);
  return Object.fromEntries(used) as Record<QuotaResource, number>; // every resource is included
}

/** Projects whose quota differs from the defaults. */
export async function projectsWithQuota(db: NeutronDb): Promise<string[]> {
  return (
    await db.selectFrom('quotas').select('project_id').distinct().orderBy('project_id').execute()
  ).map(({ project_id }) => project_id);
}

export async function setLimits(
  trx: NeutronTrx,
  projectId: string,
  limits: Partial<QuotaLimits>,
): Promise<void> {
  for (const [resource, value] of Object.entries(limits))
    await upsert(trx, 'quotas', { project_id: projectId, resource, value }, [
      'project_id',
      'resource',
    ]);
}

export async function forgetLimits(db: NeutronDb, projectId: string): Promise<boolean> {
  const deletion = await db
    .deleteFrom('quotas')
    .where('project_id', '=', projectId)
    .executeTakeFirst();
  return deletion.numDeletedRows > 0n;
}
