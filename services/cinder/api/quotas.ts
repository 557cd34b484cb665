// Quota sets of projects, the default quota class, usage, and the limits that a project sees.
// https://docs.openstack.org/api-ref/block-storage/v3/#quota-sets-extension-os-quota-sets
import Type from 'typebox';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Json } from '#contracts/common/json.ts';
import { booleanOf } from '#openstack/http/lenient-values.ts';
import type { Reply, Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import { transaction } from '#platform/db/transaction.ts';
import type { QuotaLimits, QuotaResource, QuotaUsage } from '../domain/quota.ts';
import { quotaResources, typeQuotaName, typeResources, unlimited } from '../domain/quota.ts';
import {
  clearQuotas,
  defaultClass,
  quotaLimits,
  quotaUsage,
  setQuotas,
  typeLimits,
} from '../store/quotas.ts';
import { typeNames } from '../store/types.ts';
import type { HandlerDeps } from './handler-deps.ts';
import { first } from './request.ts';
import type { Request } from './request.ts';

type Sent = Readonly<Record<string, Json>>;
/** Valid names depend on the volume types, so `wantedLimits` checks them. */
const limits = Type.Record(Type.String(), Type.Any());
const setBody = Type.Object({ quota_set: limits });
const classBody = Type.Object({ quota_class_set: limits });
const path = '/os-quota-sets/:id';

const notLimits = new Set(['tenant_id', 'id', 'class_name', 'force', 'skip_validation']);

/**
 * Reads the limits in a request. `names`: the names of the limits of single volume types.
 * badRequest: an unknown name, or a value that is no number.
 */
function wantedLimits(input: Sent, names: readonly string[]): Outcome<Record<string, number>> {
  const limits: Record<string, number> = {};
  for (const [name, value] of Object.entries(input)) {
    if (notLimits.has(name)) continue;
    if (!(quotaResources as readonly string[]).includes(name) && !names.includes(name))
      return fault('badRequest', `Bad key in quota set: ${name}.`);
    const limit =
      typeof value === 'string' && /^(-1|[0-9]{1,9})$/.test(value) ? Number(value) : value;
    if (
      typeof limit !== 'number' ||
      !Number.isInteger(limit) ||
      limit < unlimited ||
      limit > 0x7fff_ffff
    )
      return fault('badRequest', `Quota limit for ${name} must be a whole number from -1.`);
    limits[name] = limit;
  }
  return limits;
}

export function quotaRoutes(deps: HandlerDeps): readonly Route[] {
  const { db } = deps.database;
  const { config, log } = deps;
  const limitsOf = async (projectId: string): Promise<QuotaLimits> =>
    await quotaLimits(db, projectId, config.quotas);
  const types = async (): Promise<string[]> => [...(await typeNames(db)).values()];
  const ofTypes = async (): Promise<string[]> =>
    (await types()).flatMap((type) =>
      typeResources.map((resource) => typeQuotaName(resource, type)),
    );
  /** Includes the limits of each volume type, as stock does. */
  const allLimits = async (projectId: string): Promise<Record<string, number>> => {
    const own = await typeLimits(db, projectId, await types());
    return {
      ...(await limitsOf(projectId)),
      ...Object.fromEntries((await ofTypes()).map((name) => [name, own.get(name) ?? unlimited])),
    };
  };
  /** A handler that checks whether the caller may see the project in the path. */
  const ifVisible =
    (work: (id: string, request: Request) => Promise<Reply>) =>
    async (request: Request): Promise<Outcome<Reply>> => {
      const id = request.params['id'] ?? '';
      return request.allows('volume_extension:quotas:show', { project_id: id })
        ? await work(id, request)
        : fault('forbidden', "Policy doesn't allow volume_extension:quotas:show to be performed.");
    };
  return [
    route('GET', path, {
      policy: null,
      handler: ifVisible(async (id, request) => {
        if (booleanOf(first(request, 'usage') ?? 'false') !== true)
          return { status: 200, body: { quota_set: { id, ...(await allLimits(id)) } } };
        const now = await limitsOf(id);
        const used: Partial<QuotaUsage> = await quotaUsage(db, id);
        return {
          status: 200,
          body: {
            quota_set: {
              id,
              ...Object.fromEntries(
                quotaResources.map((name) => [
                  name,
                  {
                    limit: now[name],
                    in_use: (used as Partial<Record<QuotaResource, number>>)[name] ?? 0,
                    reserved: 0,
                  },
                ]),
              ),
            },
          },
        };
      }),
    }),
    route('GET', `${path}/defaults`, {
      policy: null,
      handler: ifVisible(async (id) => ({
        status: 200,
        body: { quota_set: { id, ...(await allLimits(defaultClass)) } },
      })),
    }),
    route<{ quota_set: Sent }>('PUT', path, {
      policy: 'volume_extension:quotas:update',
      body: setBody,
      handler: async (request) => {
        const id = request.params['id'] ?? '';
        const wanted = wantedLimits(request.body.quota_set, await ofTypes());
        if (isFault(wanted)) return wanted;
        await transaction(db, async (trx) => await setQuotas(trx, id, wanted));
        log.info({ project: id, wanted, req: request.id }, 'quotas changed');
        return { status: 200, body: { quota_set: await allLimits(id) } };
      },
    }),
    route('DELETE', path, {
      policy: 'volume_extension:quotas:delete',
      handler: async (request) => {
        await clearQuotas(db, request.params['id'] ?? '');
        return { status: 200 };
      },
    }),
    route('GET', '/os-quota-class-sets/:id', {
      policy: 'volume_extension:quota_classes:get',
      handler: async ({ params }) => ({
        status: 200,
        body: { quota_class_set: { id: params['id'] ?? '', ...(await allLimits(defaultClass)) } },
      }),
    }),
    route<{ quota_class_set: Sent }>('PUT', '/os-quota-class-sets/:id', {
      policy: 'volume_extension:quota_classes:update',
      body: classBody,
      handler: async (request) => {
        if (request.params['id'] !== 'default')
          return fault('badRequest', "The only quota class that has an effect is 'default'.");
        const wanted = wantedLimits(request.body.quota_class_set, await ofTypes());
        if (isFault(wanted)) return wanted;
        await transaction(db, async (trx) => await setQuotas(trx, defaultClass, wanted));
        return { status: 200, body: { quota_class_set: await allLimits(defaultClass) } };
      },
    }),
    route('GET', '/limits', {
      policy: 'limits_extension:used_limits',
      handler: async (request) => {
        const other = request.allows('admin_api')
          ? (first(request, 'project_id') ?? first(request, 'tenant_id'))
          : undefined;
        const projectId = other ?? request.auth.projectId ?? '';
        const [now, used] = [await limitsOf(projectId), await quotaUsage(db, projectId)];
        return {
          status: 200,
          body: {
            limits: {
              rate: [],
              absolute: {
                maxTotalVolumes: now.volumes,
                totalVolumesUsed: used.volumes,
                maxTotalVolumeGigabytes: now.gigabytes,
                totalGigabytesUsed: used.gigabytes,
                maxTotalSnapshots: now.snapshots,
                totalSnapshotsUsed: used.snapshots,
                maxTotalBackups: now.backups,
                totalBackupsUsed: used.backups,
                maxTotalBackupGigabytes: now.backup_gigabytes,
                totalBackupGigabytesUsed: used.backup_gigabytes,
              },
            },
          },
        };
      },
    }),
  ];
}
