// POST /reshaper (1.30): inventories and allocations change together, or nothing does.
import Type from 'typebox';
import { fault, isFault } from '#contracts/common/fault.ts';
import { transaction } from '#platform/db/transaction.ts';
import type { Route } from '#platform/http/api.ts';
import { route } from '#platform/http/api.ts';
import type { PlacementParts } from '../deps.ts';
import type { Inventory } from '../domain/provider.ts';
import { replaceAllocations } from '../store/allocations.ts';
import { moveGeneration, noteChange } from '../store/world.ts';
import type { GivenClaim } from './allocations.ts';
import { manyBody, toClaim } from './allocations.ts';
import { concurrent, generationSchema, Refusal, unknownNames, uuidSchema } from './parts.ts';

const amount = Type.Integer({ minimum: 0, maximum: 2_147_483_647 });
const inventory = Type.Object({ total: amount, reserved: Type.Optional(amount), min_unit: Type.Optional(amount), max_unit: Type.Optional(amount), step_size: Type.Optional(amount), allocation_ratio: Type.Optional(Type.Number({ minimum: 0 })) }, { additionalProperties: false });
const inventories = Type.Record(uuidSchema, Type.Object({ resource_provider_generation: generationSchema, inventories: Type.Record(Type.String({ pattern: '^[A-Z0-9_]+$' }), inventory) }, { additionalProperties: false }));
const body = manyBody.filter(({ from }) => from >= 28).map(({ from, schema }) => ({ from: from === 28 ? 30 : from, schema: Type.Object({ inventories, allocations: schema }, { additionalProperties: false }) }));

interface Reshape {
  inventories: Record<string, { resource_provider_generation: number; inventories: Record<string, Partial<Inventory> & { total: number }> }>;
  allocations: Record<string, GivenClaim>;
}

export function reshaperRoutes(parts: PlacementParts): readonly Route[] {
  const { database: { db }, clock } = parts;
  return [
    route<Reshape>({ method: 'POST', path: '/reshaper', since: 30, policy: 'placement:reshaper:reshape', body, faults: ['conflict', 'concurrentUpdate'], handler: async (request) => {
      const wanted = Object.entries(request.body.inventories);
      const missing = await unknownNames(db, 'resource_classes', wanted.flatMap(([, one]) => Object.keys(one.inventories)));
      if (missing.length > 0) return fault('badRequest', `No such resource class ${missing.join(', ')}.`);
      const refused = new Refusal();
      const done = await transaction(db, async (trx) => {
        const claims = Object.entries(request.body.allocations).map(([uuid, given]) => toClaim(uuid, given));
        for (const [uuid, one] of wanted) {
          if (!(await moveGeneration(trx, uuid, one.resource_provider_generation, clock.now()))) throw refused.because(concurrent());
          // Old and new classes stand side by side until the allocations have moved.
          for (const [resource_class, given] of Object.entries(one.inventories)) {
            await trx.deleteFrom('inventories').where('provider_uuid', '=', uuid).where('resource_class', '=', resource_class).execute();
            await trx.insertInto('inventories').values({ provider_uuid: uuid, resource_class, reserved: 0, min_unit: 1, max_unit: 2_147_483_647, step_size: 1, allocation_ratio: 1, ...given }).execute();
          }
        }
        for (const claim of claims) {
          const placed = await replaceAllocations(trx, claim, clock.now());
          if (isFault(placed)) throw refused.because(placed);
        }
        for (const [uuid, one] of wanted) {
          const gone = (await trx.selectFrom('inventories').select('resource_class').where('provider_uuid', '=', uuid).execute()).map((row) => row.resource_class).filter((name) => !(name in one.inventories));
          if (gone.length === 0) continue;
          const used = await trx.selectFrom('allocations').select('resource_class').where('provider_uuid', '=', uuid).where('resource_class', 'in', gone).executeTakeFirst();
          if (used) throw refused.because(fault('conflict', `Inventory for '${used.resource_class}' on resource provider '${uuid}' in use.`, { code: 'placement.inventory.inuse' }));
          await trx.deleteFrom('inventories').where('provider_uuid', '=', uuid).where('resource_class', 'in', gone).execute();
        }
        await noteChange(trx);
      }).catch((error: unknown) => refused.caught(error));
      return isFault(done) ? done : { status: 204 };
    } }),
  ];
}
