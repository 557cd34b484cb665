// How much is used: of a provider, and by a project or one of its users (1.9).
import { sql } from 'kysely';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Route } from '#platform/http/api.ts';
import { route } from '#platform/http/api.ts';
import type { PlacementParts } from '../deps.ts';
import { requestedProvider } from './parts.ts';

export function usageRoutes(parts: PlacementParts): readonly Route[] {
  const { database: { db } } = parts;
  return [
    route({ method: 'GET', path: '/resource_providers/:uuid/usages', policy: 'placement:resource_providers:usages', faults: ['notFound'], handler: async (request) => {
      const provider = await requestedProvider(parts, request);
      if (isFault(provider)) return provider;
      const usages = Object.fromEntries([...provider.inventories.keys()].map((name) => [name, provider.used.get(name) ?? 0]));
      return { status: 200, body: { usages, resource_provider_generation: provider.generation } };
    } }),
    route({ method: 'GET', path: '/usages', since: 9, policy: null, handler: async (request) => {
      const { query, version } = request;
      const [projectId, userId, type] = [query['project_id']?.[0], query['user_id']?.[0], query['consumer_type']?.[0]];
      if (projectId === undefined) return fault('badRequest', "Invalid query string parameters: 'project_id' is a required property");
      if (!request.allows('placement:usages', { project_id: projectId })) return fault('forbidden', "Policy doesn't allow placement:usages to be performed.");
      let rows = db.selectFrom('allocations as a').innerJoin('consumers as c', 'c.uuid', 'a.consumer_uuid')
        .select(['c.consumer_type', 'a.resource_class', sql<number>`sum(a.used)`.as('used'), sql<number>`count(distinct c.uuid)`.as('consumers')])
        .where('c.project_id', '=', projectId).groupBy(['c.consumer_type', 'a.resource_class']);
      if (userId !== undefined) rows = rows.where('c.user_id', '=', userId);
      const sums: Record<string, Record<string, number>> = {};
      for (const row of await rows.execute()) {
        const kind = row.consumer_type ?? 'unknown';
        if (version >= 38 && type !== undefined && type !== 'all' && type !== kind) continue;
        const key = version < 38 || type === 'all' ? 'all' : kind;
        const sum = (sums[key] ??= {});
        sum[row.resource_class] = (sum[row.resource_class] ?? 0) + Number(row.used);
        if (version >= 38) sum['consumer_count'] = Math.max(sum['consumer_count'] ?? 0, Number(row.consumers));
      }
      return { status: 200, body: { usages: version < 38 ? (sums['all'] ?? {}) : sums } };
    } }),
  ];
}
