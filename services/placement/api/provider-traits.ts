// The traits of a provider.
import Type from 'typebox';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import { replaceTraits, unknownNames } from '../store/names.ts';
import type { PlacementParts } from './parts.ts';
import { changeProvider, requestedProvider } from './requested-provider.ts';
import { generationSchema } from './schemas.ts';

const path = '/resource_providers/:uuid/traits';

export function providerTraitRoutes(parts: PlacementParts): readonly Route[] {
  const { db } = parts.database;
  return [
    route('GET', path, {
      since: 6,
      policy: 'placement:resource_providers:traits:list',
      faults: ['notFound'],
      handler: async (request) => {
        const provider = await requestedProvider(parts, request);
        return isFault(provider)
          ? provider
          : {
              status: 200,
              body: {
                traits: [...provider.traits].sort(),
                resource_provider_generation: provider.generation,
              },
            };
      },
    }),
    route<{ resource_provider_generation: number; traits: string[] }>('PUT', path, {
      since: 6,
      policy: 'placement:resource_providers:traits:update',
      faults: ['notFound', 'concurrentUpdate'],
      body: Type.Object(
        {
          resource_provider_generation: generationSchema,
          traits: Type.Array(
            Type.String({ minLength: 1, maxLength: 255, pattern: '^[A-Z0-9_]+$' }),
            { uniqueItems: true },
          ),
        },
        { additionalProperties: false },
      ),
      handler: async (request) => {
        const provider = await requestedProvider(parts, request);
        if (isFault(provider)) return provider;
        const { traits, resource_provider_generation } = request.body;
        const missing = await unknownNames(db, 'traits', traits);
        if (missing.length > 0)
          return fault('badRequest', `No such trait(s): ${missing.join(', ')}.`);
        const changed = await changeProvider(
          parts,
          provider,
          resource_provider_generation,
          async (trx) => await replaceTraits(trx, provider.uuid, traits),
        );
        return isFault(changed)
          ? changed
          : {
              status: 200,
              body: {
                traits: [...changed.traits].sort(),
                resource_provider_generation: changed.generation,
              },
            };
      },
    }),
    route('DELETE', path, {
      since: 6,
      policy: 'placement:resource_providers:traits:delete',
      faults: ['notFound', 'concurrentUpdate'],
      handler: async (request) => {
        const provider = await requestedProvider(parts, request);
        if (isFault(provider)) return provider;
        const changed = await changeProvider(
          parts,
          provider,
          provider.generation,
          async (trx) => await replaceTraits(trx, provider.uuid, []),
        );
        return isFault(changed) ? changed : { status: 204 };
      },
    }),
  ];
}
