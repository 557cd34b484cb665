// A provider's aggregates: bare UUIDs that group providers.
import Type from 'typebox';
import { isFault } from '#contracts/common/fault.ts';
import type { JsonObject } from '#contracts/common/json.ts';
import type { Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import type { Provider } from '../domain/provider.ts';
import { canonicalUuid } from '../domain/uuid.ts';
import { replaceAggregates } from '../store/aggregates.ts';
import type { PlacementParts } from './parts.ts';
import { changeProvider, requestedProvider } from './requested-provider.ts';
import { generationSchema, uuidSchema } from './schemas.ts';

const list = Type.Array(uuidSchema, { uniqueItems: true });
const body = [
  { from: 0, schema: list },
  {
    from: 19,
    schema: Type.Object(
      { aggregates: list, resource_provider_generation: generationSchema },
      { additionalProperties: false },
    ),
  },
];
const path = '/resource_providers/:uuid/aggregates';

const view = (provider: Provider, version: number): JsonObject => ({
  aggregates: [...provider.aggregates].sort(),
  ...(version >= 19 ? { resource_provider_generation: provider.generation } : {}),
});

export function aggregateRoutes(parts: PlacementParts): readonly Route[] {
  return [
    route('GET', path, {
      since: 1,
      policy: 'placement:resource_providers:aggregates:list',
      faults: ['notFound'],
      handler: async (request) => {
        const provider = await requestedProvider(parts, request);
        return isFault(provider)
          ? provider
          : { status: 200, body: view(provider, request.version) };
      },
    }),
    route<string[] | { aggregates: string[]; resource_provider_generation: number }>('PUT', path, {
      since: 1,
      policy: 'placement:resource_providers:aggregates:update',
      body,
      faults: ['notFound', 'concurrentUpdate'],
      handler: async (request) => {
        const provider = await requestedProvider(parts, request);
        if (isFault(provider)) return provider;
        const document = Array.isArray(request.body)
          ? { aggregates: request.body, resource_provider_generation: undefined }
          : request.body;
        const aggregates = [
          ...new Set(document.aggregates.map((uuid) => canonicalUuid(uuid) ?? uuid)),
        ];
        const changed = await changeProvider(
          parts,
          provider,
          document.resource_provider_generation,
          async (trx) => await replaceAggregates(trx, provider.uuid, aggregates),
        );
        return isFault(changed) ? changed : { status: 200, body: view(changed, request.version) };
      },
    }),
  ];
}
