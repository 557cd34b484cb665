// Quotas. https://docs.openstack.org/api-ref/network/v2/#quotas-extension-quotas
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Json, JsonObject } from '#contracts/common/json.ts';
import type { ApiRequest, Reply, Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import type { QuotaLimits, QuotaResource } from '../domain/quota.ts';
import { quotaResources } from '../domain/quota.ts';
import { forgetLimits, limitsOf, projectsWithQuota, setLimits, usedBy } from '../store/quotas.ts';
import { write } from '../store/write.ts';
import { integer, notAllowed } from './attributes.ts';
import type { NeutronParts } from './parts.ts';

const path = '/v2.0/quotas/:project_id';
const idOf = (request: ApiRequest): string => request.params['project_id'] ?? '';
const limit = integer(-1);

function readLimits(body: Json): Outcome<Partial<QuotaLimits>> {
  const quota =
    typeof body === 'object' && body !== null && !Array.isArray(body) ? body['quota'] : undefined;
  if (typeof quota !== 'object' || quota === null || Array.isArray(quota))
    return fault('badRequest', "Unable to find 'quota' in request body");
  const limits: Partial<Record<QuotaResource, number>> = {};
  for (const [name, value] of Object.entries(quota)) {
    if (name === 'project_id' || name === 'tenant_id' || name === 'force' || name === 'check_limit')
      continue;
    const resource = quotaResources.find((known) => known === name);
    if (!resource) return fault('badRequest', `Unrecognized attribute(s) '${name}'`);
    const read = limit(value ?? null);
    if ('reason' in read)
      return fault('badRequest', `Invalid input for ${name}. Reason: ${read.reason}`);
    limits[resource] = Number(read.value);
  }
  return limits;
}

export function quotaRoutes({ database: { db }, config }: NeutronParts): readonly Route[] {
  const limits = async (projectId: string): Promise<JsonObject> => ({
    ...(await limitsOf(db, config.quotas, projectId)),
  });
  /** Callers read the quota of their own project; operators that of any project. */
  const read = (suffix: string, body: (projectId: string) => Promise<JsonObject>): Route =>
    route('GET', path + suffix, {
      policy: 'get_quota',
      handler: async (request): Promise<Outcome<Reply>> => {
        const id = idOf(request);
        return id === request.auth.projectId || request.allows('get_quota:other_project')
          ? { status: 200, body: await body(id) }
          : notAllowed('get_quota');
      },
    });
  const details = async (projectId: string): Promise<JsonObject> => {
    const [used, most] = [
      await usedBy(db, projectId),
      await limitsOf(db, config.quotas, projectId),
    ];
    return {
      quota: Object.fromEntries(
        quotaResources.map((name) => [name, { limit: most[name], used: used[name], reserved: 0 }]),
      ),
    };
  };
  const whose = (key: 'tenant' | 'project'): Route =>
    route('GET', `/v2.0/quotas/${key}`, {
      policy: 'get_quota',
      handler: ({ auth }) => ({ status: 200, body: { [key]: { [`${key}_id`]: auth.projectId } } }),
    });
  return [
    route('GET', '/v2.0/quotas', {
      policy: 'get_quotas',
      handler: async () => {
        const quotas: JsonObject[] = [];
        for (const id of await projectsWithQuota(db))
          quotas.push({ ...(await limits(id)), project_id: id, tenant_id: id });
        return { status: 200, body: { quotas } };
      },
    }),
    whose('tenant'),
    whose('project'),
    read('', async (id) => ({ quota: await limits(id) })),
    read('/default', async () => ({ quota: { ...config.quotas } })),
    read('/details', details),
    read('/details.json', details),
    route('PUT', path, {
      policy: 'update_quota',
      handler: async (request) => {
        const wanted = readLimits(request.body);
        if (isFault(wanted)) return wanted;
        const set = await write(db, async (trx) => await setLimits(trx, idOf(request), wanted));
        return isFault(set) ? set : { status: 200, body: { quota: await limits(idOf(request)) } };
      },
    }),
    route('DELETE', path, {
      policy: 'delete_quota',
      faults: ['notFound'],
      handler: async (request) => {
        return (await forgetLimits(db, idOf(request)))
          ? { status: 204 }
          : fault('notFound', `Quota for tenant ${idOf(request)} could not be found.`, {
              type: 'TenantQuotaNotFound',
            });
      },
    }),
  ];
}
