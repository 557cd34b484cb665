// POST /reshaper (1.30): changes inventories and allocations together, or not at all.
import Type from 'typebox';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Inventory } from '#contracts/placement/wire.ts';
import type { Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import { unknownNames } from '../store/names.ts';
import { reshape } from '../store/reshape.ts';
import type { ClaimBody } from './allocations.ts';
import { manyClaims, toClaims } from './allocations.ts';
import { inventoriesSchema } from './inventories.ts';
import type { PlacementParts } from './parts.ts';
import { byCanonicalUuid, uuidSchema } from './schemas.ts';

// At least one inventory must change, else there is nothing to reshape; allocations may be empty.
const inventories = Type.Record(uuidSchema, inventoriesSchema, {
  additionalProperties: false,
  minProperties: 1,
});
const body = manyClaims(0)
  .filter(({ from }) => from >= 28)
  .map(({ from, schema }) => ({
    from: from === 28 ? 30 : from,
    schema: Type.Object({ inventories, allocations: schema }, { additionalProperties: false }),
  }));

interface Reshape {
  inventories: Record<
    string,
    {
      resource_provider_generation: number;
      inventories: Record<
        string,
        Partial<Inventory> & { total: number; resource_provider_generation?: number }
      >;
    }
  >;
  allocations: Record<string, ClaimBody>;
}

export function reshaperRoutes(parts: PlacementParts): readonly Route[] {
  const { db } = parts.database;
  const { clock } = parts;
  return [
    route<Reshape>('POST', '/reshaper', {
      since: 30,
      policy: 'placement:reshaper:reshape',
      body,
      faults: ['conflict', 'concurrentUpdate'],
      handler: async (request) => {
        const byProvider = byCanonicalUuid(request.body.inventories);
        if (isFault(byProvider)) return byProvider;
        const claims = toClaims(request.body.allocations);
        if (isFault(claims)) return claims;
        const wanted = [...byProvider];
        const missing = await unknownNames(
          db,
          'resource_classes',
          wanted
            .flatMap(([, one]) => Object.keys(one.inventories))
            .concat(
              claims.flatMap((claim) =>
                [...claim.allocations.values()].flatMap((resources) => [...resources.keys()]),
              ),
            ),
        );
        if (missing.length > 0)
          return fault('badRequest', `No such resource class ${missing.join(', ')}.`);
        const providers = wanted.map(([uuid, one]) => ({
          uuid,
          generation: one.resource_provider_generation,
          inventories: new Map(
            Object.entries(one.inventories).map(([resourceClass, fields]) => [
              resourceClass,
              complete(fields),
            ]),
          ),
        }));
        return (await reshape(db, providers, claims, clock.now())) ?? { status: 204 };
      },
    }),
  ];
}

function complete({
  resource_provider_generation: _ignored,
  ...fields
}: Reshape['inventories'][string]['inventories'][string]): Inventory {
  return {
    reserved: 0,
    min_unit: 1,
    max_unit: 2_147_483_647,
    step_size: 1,
    allocation_ratio: 1,
    ...fields,
  };
}
