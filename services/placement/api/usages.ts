// Usage: of a provider, and of a project or one of its users (1.9).
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import { badQuery, unknownParameter, type Parameters } from '../domain/query-values.ts';
import { consumersOf, usageOf } from '../store/usages.ts';
import type { PlacementParts } from './parts.ts';
import { requestedProvider } from './requested-provider.ts';

const parameters: Parameters = { project_id: 9, user_id: 9, consumer_type: 38 };

export function usageRoutes(parts: PlacementParts): readonly Route[] {
  const { db } = parts.database;
  return [
    route('GET', '/resource_providers/:uuid/usages', {
      policy: 'placement:resource_providers:usages',
      faults: ['notFound'],
      handler: async (request) => {
        const provider = await requestedProvider(parts, request);
        if (isFault(provider)) return provider;
        const usages = Object.fromEntries(
          [...provider.inventories.keys()].map((name) => [name, provider.used.get(name) ?? 0]),
        );
        return { status: 200, body: { usages, resource_provider_generation: provider.generation } };
      },
    }),
    route('GET', '/usages', {
      since: 9,
      policy: null,
      handler: async (request) => {
        const { query, version } = request;
        const stranger = unknownParameter(query, parameters, version);
        if (stranger) return stranger;
        const [projectId, userId, type] = [
          query['project_id']?.at(-1),
          query['user_id']?.at(-1),
          query['consumer_type']?.at(-1),
        ];
        if (projectId === undefined) return badQuery("'project_id' is a required property");
        for (const [name, value] of [
          ['project_id', projectId],
          ['user_id', userId],
          ['consumer_type', type],
        ] as const) {
          if (value !== undefined && (value.length < 1 || value.length > 255))
            return badQuery(`${name} has from 1 to 255 characters`);
        }
        if (type !== undefined && !/^([A-Z0-9_]+|all|unknown)$/.test(type))
          return badQuery(`'${type}' does not match '^[A-Z0-9_]+$|^all|^unknown$': consumer_type`);
        if (!request.allows('placement:usages', { project_id: projectId }))
          return fault('forbidden', "Policy doesn't allow placement:usages to be performed.");
        const sums: Record<string, Record<string, number>> = {};
        for (const row of await usageOf(db, { projectId, userId })) {
          const kind = row.consumer_type ?? 'unknown';
          if (version >= 38 && type !== undefined && type !== 'all' && type !== kind) continue;
          const key = version < 38 || type === 'all' ? 'all' : kind;
          const sum = (sums[key] ??= {});
          sum[row.resource_class] = (sum[row.resource_class] ?? 0) + row.used;
        }
        for (const row of version < 38 ? [] : await consumersOf(db, { projectId, userId })) {
          const sum = sums[type === 'all' ? 'all' : (row.consumer_type ?? 'unknown')];
          if (sum) sum['consumer_count'] = (sum['consumer_count'] ?? 0) + row.consumers;
        }
        return { status: 200, body: { usages: version < 38 ? (sums['all'] ?? {}) : sums } };
      },
    }),
  ];
}
