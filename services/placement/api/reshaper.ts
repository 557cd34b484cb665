// POST /reshaper (1.30): inventories and allocations change together, or nothing does.
import Type from 'typebox';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import { transaction } from '#platform/db/transaction.ts';
import type { PlacementParts } from '../deps.ts';
import type { Inventory } from '../domain/provider.ts';
import { replaceAllocations } from '../store/allocations.ts';
import { moveGeneration, noteChange } from '../store/world.ts';
import type { GivenClaim } from './allocations.ts';
import { manyClaims, toClaims } from './allocations.ts';
import { inventoriesSchema } from './inventories.ts';
import { byCanonicalUuid, concurrent, Refusal, unknownNames, uuidSchema } from './parts.ts';

// At least one inventory changes, or there is no reason to reshape; there may be no allocations to
// move.
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
  allocations: Record<string, GivenClaim>;
}

export function reshaperRoutes(parts: PlacementParts): readonly Route[] {
  const {
    database: { db },
    clock,
  } = parts;
  return [
    route<Reshape>({
      method: 'POST',
      path: '/reshaper',
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
        const refused = new Refusal();
        const done = await transaction(db, async (trx) => {
          for (const [uuid, one] of wanted) {
            if (
              !(await trx
                .selectFrom('resource_providers')
                .select('uuid')
                .where('uuid', '=', uuid)
                .executeTakeFirst())
            ) {
              throw refused.because(
                fault('badRequest', `Resource provider ${uuid} in inventories not found.`, {
                  code: 'placement.resource_provider.not_found',
                }),
              );
            }
            if (!(await moveGeneration(trx, uuid, one.resource_provider_generation, clock.now())))
              throw refused.because(concurrent());
            // Old and new classes stand side by side until the allocations have moved.
            for (const [
              resource_class,
              { resource_provider_generation: _ignored, ...given },
            ] of Object.entries(one.inventories)) {
              await trx
                .deleteFrom('inventories')
                .where('provider_uuid', '=', uuid)
                .where('resource_class', '=', resource_class)
                .execute();
              await trx
                .insertInto('inventories')
                .values({
                  provider_uuid: uuid,
                  resource_class,
                  reserved: 0,
                  min_unit: 1,
                  max_unit: 2_147_483_647,
                  step_size: 1,
                  allocation_ratio: 1,
                  ...given,
                })
                .execute();
            }
          }
          const placed = await replaceAllocations(trx, claims, clock.now());
          if (isFault(placed)) throw refused.because(placed);
          for (const [uuid, one] of wanted) {
            // As upstream, where what is kept is written once more when the claims have moved.
            if (Object.keys(one.inventories).length > 0)
              await moveGeneration(trx, uuid, undefined, clock.now());
            const gone = (
              await trx
                .selectFrom('inventories')
                .select('resource_class')
                .where('provider_uuid', '=', uuid)
                .execute()
            )
              .map((row) => row.resource_class)
              .filter((name) => !Object.hasOwn(one.inventories, name));
            if (gone.length === 0) continue;
            const used = await trx
              .selectFrom('allocations')
              .select('resource_class')
              .where('provider_uuid', '=', uuid)
              .where('resource_class', 'in', gone)
              .executeTakeFirst();
            if (used)
              throw refused.because(
                fault(
                  'conflict',
                  `Inventory for '${used.resource_class}' on resource provider '${uuid}' in use.`,
                  { code: 'placement.inventory.inuse' },
                ),
              );
            await trx
              .deleteFrom('inventories')
              .where('provider_uuid', '=', uuid)
              .where('resource_class', 'in', gone)
              .execute();
          }
          await noteChange(trx);
        }).catch((error: unknown) => refused.caught(error));
        return isFault(done) ? done : { status: 204 };
      },
    }),
  ];
}
