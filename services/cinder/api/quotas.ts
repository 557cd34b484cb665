// What projects may have: quota sets, the default class, and how much is taken; limits as a project sees them.
// https://docs.openstack.org/api-ref/block-storage/v3/#quota-sets-extension-os-quota-sets
import Type from 'typebox';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import { transaction } from '#platform/db/transaction.ts';
import type { Route } from '#platform/http/api.ts';
import { route } from '#platform/http/api.ts';
import type { QuotaLimits, QuotaResource, QuotaUsage } from '../domain/quota.ts';
import { quotaResources } from '../domain/quota.ts';
import type { CinderParts } from '../parts.ts';
import { clearQuotas, defaultClass, quotaLimits, quotaUsage, setQuotas } from '../store/quotas.ts';
import { limitSchema } from './field-schemas.ts';
import { booleanOf, first } from './request.ts';
import type { Request } from './request.ts';

type Sent = Partial<Record<QuotaResource, number | string>>;
const limits = Type.Object(Object.fromEntries(quotaResources.map((name) => [name, Type.Optional(limitSchema)])));
const setBody = Type.Object({ quota_set: limits });
const classBody = Type.Object({ quota_class_set: limits });
const path = '/os-quota-sets/:id';

/** Stock names quotas of single types too (`volumes_nfs`); here quotas are of all types together, so such a name is none. */
function wantedLimits(sent: Sent): Outcome<Partial<QuotaLimits>> {
  const stray = Object.keys(sent).find((name) => !quotaResources.includes(name as QuotaResource) && !['tenant_id', 'id', 'class_name', 'force', 'skip_validation'].includes(name));
  if (stray !== undefined) return fault('badRequest', `Bad key in quota set: ${stray}.`);
  return Object.fromEntries(quotaResources.flatMap((name) => (sent[name] === undefined ? [] : [[name, Number(sent[name])]])));
}

export function quotaRoutes(parts: CinderParts): readonly Route[] {
  const { database: { db }, config, log } = parts;
  const limitsOf = async (projectId: string): Promise<QuotaLimits> => await quotaLimits(db, projectId, config.quotas);
  const shown = (request: Request): Outcome<string> => {
    const id = request.params['id'] ?? '';
    return request.allows('volume_extension:quotas:show', { project_id: id }) ? id : fault('forbidden', "Policy doesn't allow volume_extension:quotas:show to be performed.");
  };
  return [
    route({ method: 'GET', path, policy: null, handler: async (request) => {
      const id = shown(request);
      if (isFault(id)) return id;
      const now = await limitsOf(id);
      if (booleanOf(first(request, 'usage') ?? 'false') !== true) return { status: 200, body: { quota_set: { id, ...now } } };
      const used: Partial<QuotaUsage> = await quotaUsage(db, id);
      return { status: 200, body: { quota_set: { id, ...Object.fromEntries(quotaResources.map((name) => [name, { limit: now[name], in_use: (used as Partial<Record<QuotaResource, number>>)[name] ?? 0, reserved: 0 }])) } } };
    } }),
    route({ method: 'GET', path: `${path}/defaults`, policy: 'volume_extension:quotas:defaults', handler: async ({ params }) => ({ status: 200, body: { quota_set: { id: params['id'] ?? '', ...(await limitsOf(defaultClass)) } } }) }),
    route<{ quota_set: Sent }>({ method: 'PUT', path, policy: 'volume_extension:quotas:update', body: setBody, handler: async (request) => {
      const id = request.params['id'] ?? '';
      const wanted = wantedLimits(request.body.quota_set);
      if (isFault(wanted)) return wanted;
      await transaction(db, async (trx) => await setQuotas(trx, id, wanted));
      log.info({ project: id, wanted, req: request.id }, 'quotas changed');
      return { status: 200, body: { quota_set: { ...(await limitsOf(id)) } } };
    } }),
    route({ method: 'DELETE', path, policy: 'volume_extension:quotas:delete', handler: async (request) => {
      await clearQuotas(db, request.params['id'] ?? '');
      return { status: 200 };
    } }),
    route({ method: 'GET', path: '/os-quota-class-sets/:id', policy: 'volume_extension:quota_classes:get', handler: async ({ params }) => ({ status: 200, body: { quota_class_set: { id: params['id'] ?? '', ...(await limitsOf(defaultClass)) } } }) }),
    route<{ quota_class_set: Sent }>({ method: 'PUT', path: '/os-quota-class-sets/:id', policy: 'volume_extension:quota_classes:update', body: classBody, handler: async (request) => {
      if (request.params['id'] !== 'default') return fault('badRequest', "The only quota class that has an effect is 'default'.");
      const wanted = wantedLimits(request.body.quota_class_set);
      if (isFault(wanted)) return wanted;
      await transaction(db, async (trx) => await setQuotas(trx, defaultClass, wanted));
      return { status: 200, body: { quota_class_set: { ...(await limitsOf(defaultClass)) } } };
    } }),
    route({ method: 'GET', path: '/limits', policy: 'limits_extension:used_limits', handler: async (request) => {
      const other = request.allows('admin_api') ? (first(request, 'project_id') ?? first(request, 'tenant_id')) : undefined;
      const projectId = other ?? request.auth.projectId ?? '';
      const [now, used] = [await limitsOf(projectId), await quotaUsage(db, projectId)];
      return { status: 200, body: { limits: { rate: [], absolute: {
        maxTotalVolumes: now.volumes, totalVolumesUsed: used.volumes, maxTotalVolumeGigabytes: now.gigabytes, totalGigabytesUsed: used.gigabytes,
        maxTotalSnapshots: now.snapshots, totalSnapshotsUsed: used.snapshots, maxTotalBackups: now.backups, totalBackupsUsed: used.backups,
        maxTotalBackupGigabytes: now.backup_gigabytes, totalBackupGigabytesUsed: used.backup_gigabytes,
      } } } };
    } }),
  ];
}
