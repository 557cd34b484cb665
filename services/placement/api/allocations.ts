// Allocations: what consumers hold of providers; and reshaping, which moves inventory and allocations together.
import Type from 'typebox';
import type { TSchema } from 'typebox';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { JsonObject } from '#contracts/common/json.ts';
import { transaction } from '#platform/db/transaction.ts';
import type { Route } from '#platform/http/api.ts';
import { route } from '#platform/http/api.ts';
import type { PlacementParts } from '../deps.ts';
import type { ConsumerClaim } from '../store/allocations.ts';
import { allocationsOf, replaceAllocations } from '../store/allocations.ts';
import { Refusal, requestedProvider, unknownNames, uuidSchema } from './parts.ts';

const amounts = Type.Record(Type.String({ pattern: '^[A-Z0-9_]+$' }), Type.Integer({ minimum: 1 }), { additionalProperties: false, minProperties: 1 });
const owner = { project_id: Type.String({ minLength: 1, maxLength: 255 }), user_id: Type.String({ minLength: 1, maxLength: 255 }) };
const generation = { consumer_generation: Type.Union([Type.Integer({ minimum: 0 }), Type.Null()]) };
const consumerType = { consumer_type: Type.String({ minLength: 1, maxLength: 255, pattern: '^[A-Z0-9_]+$' }) };
const listForm = Type.Array(Type.Object({ resource_provider: Type.Object({ uuid: uuidSchema }, { additionalProperties: false }), resources: amounts }, { additionalProperties: false }), { minItems: 1 });
const dictForm = (minProperties: number) => Type.Record(uuidSchema, Type.Object({ generation: Type.Optional(Type.Integer()), resources: amounts }, { additionalProperties: false }), { additionalProperties: false, minProperties });
const strict = (fields: Record<string, TSchema>) => Type.Object(fields, { additionalProperties: false });
const mappings = { mappings: Type.Optional(Type.Record(Type.String(), Type.Array(uuidSchema))) };

const putBody = [
  { from: 0, schema: strict({ allocations: listForm }) },
  { from: 8, schema: strict({ allocations: listForm, ...owner }) },
  { from: 12, schema: strict({ allocations: dictForm(1), ...owner }) },
  { from: 28, schema: strict({ allocations: dictForm(0), ...owner, ...generation }) },
  { from: 34, schema: strict({ allocations: dictForm(0), ...owner, ...generation, ...mappings }) },
  { from: 38, schema: strict({ allocations: dictForm(0), ...owner, ...generation, ...mappings, ...consumerType }) },
];
const many = (fields: Record<string, TSchema>) => Type.Record(uuidSchema, strict(fields), { additionalProperties: false, minProperties: 1 });
export const manyBody = [
  { from: 13, schema: many({ allocations: dictForm(0), ...owner }) },
  { from: 28, schema: many({ allocations: dictForm(0), ...owner, ...generation }) },
  { from: 34, schema: many({ allocations: dictForm(0), ...owner, ...generation, ...mappings }) },
  { from: 38, schema: many({ allocations: dictForm(0), ...owner, ...generation, ...mappings, ...consumerType }) },
];

export interface GivenClaim {
  allocations: { resource_provider: { uuid: string }; resources: Record<string, number> }[] | Record<string, { resources: Record<string, number> }>;
  project_id?: string;
  user_id?: string;
  consumer_generation?: number | null;
  consumer_type?: string;
}

// Who owns consumers made before owners were named: upstream's incomplete_consumer_* options.
const nobody = '00000000-0000-0000-0000-000000000000';

export function toClaim(consumerUuid: string, given: GivenClaim): ConsumerClaim {
  const entries = Array.isArray(given.allocations) ? given.allocations.map((entry) => [entry.resource_provider.uuid, entry] as const) : Object.entries(given.allocations);
  return {
    consumerUuid, projectId: given.project_id ?? nobody, userId: given.user_id ?? nobody, consumerType: given.consumer_type ?? null,
    generation: 'consumer_generation' in given ? given.consumer_generation : undefined,
    allocations: new Map(entries.map(([uuid, { resources }]) => [uuid, new Map(Object.entries(resources))])),
  };
}

/** All or none. */
export async function writeClaims(parts: PlacementParts, claims: readonly ConsumerClaim[]): Promise<Outcome<void>> {
  const { database: { db }, clock } = parts;
  const missing = await unknownNames(db, 'resource_classes', claims.flatMap((claim) => [...claim.allocations.values()].flatMap((resources) => [...resources.keys()])));
  if (missing.length > 0) return fault('badRequest', `No such resource class ${missing.join(', ')}.`);
  const refused = new Refusal();
  return await transaction(db, async (trx) => {
    // What is given back first makes room for the others.
    for (const claim of [...claims].sort((a, b) => a.allocations.size - b.allocations.size)) {
      const done = await replaceAllocations(trx, claim, clock.now());
      if (isFault(done)) throw refused.because(done);
    }
  }).catch((error: unknown) => refused.caught(error));
}

export function allocationRoutes(parts: PlacementParts): readonly Route[] {
  const { database: { db }, world } = parts;
  return [
    route({ method: 'GET', path: '/allocations/:consumer', policy: 'placement:allocations:list', handler: async ({ params, version }) => {
      const consumerUuid = params['consumer'] ?? '';
      const held = await allocationsOf(db, consumerUuid);
      if (held.length === 0) return { status: 200, body: { allocations: {} } };
      const { providers } = await world.read();
      const allocations: Record<string, { generation: number; resources: Record<string, number> }> = {};
      for (const { provider_uuid, resource_class, used } of held) {
        const entry = (allocations[provider_uuid] ??= { generation: providers.get(provider_uuid)?.generation ?? 0, resources: {} });
        entry.resources[resource_class] = used;
      }
      const body: JsonObject = { allocations };
      const consumer = await db.selectFrom('consumers').selectAll().where('uuid', '=', consumerUuid).executeTakeFirst();
      if (consumer && version >= 12) Object.assign(body, { project_id: consumer.project_id, user_id: consumer.user_id });
      if (consumer && version >= 28) body['consumer_generation'] = consumer.generation;
      if (consumer && version >= 38) body['consumer_type'] = consumer.consumer_type ?? 'unknown';
      return { status: 200, body };
    } }),
    route<GivenClaim>({ method: 'PUT', path: '/allocations/:consumer', policy: 'placement:allocations:update', body: putBody, faults: ['conflict', 'concurrentUpdate'], handler: async ({ params, body }) =>
      (await writeClaims(parts, [toClaim(params['consumer'] ?? '', body)])) ?? { status: 204 } }),
    route<Record<string, GivenClaim>>({ method: 'POST', path: '/allocations', since: 13, policy: 'placement:allocations:manage', body: manyBody, faults: ['conflict', 'concurrentUpdate'], handler: async ({ body }) =>
      (await writeClaims(parts, Object.entries(body).map(([uuid, given]) => toClaim(uuid, given)))) ?? { status: 204 } }),
    route({ method: 'DELETE', path: '/allocations/:consumer', policy: 'placement:allocations:delete', faults: ['notFound', 'conflict', 'concurrentUpdate'], handler: async ({ params }) => {
      const consumerUuid = params['consumer'] ?? '';
      if ((await allocationsOf(db, consumerUuid)).length === 0) return fault('notFound', `No allocations for consumer '${consumerUuid}'`);
      return (await writeClaims(parts, [{ consumerUuid, projectId: nobody, userId: nobody, consumerType: null, generation: undefined, allocations: new Map() }])) ?? { status: 204 };
    } }),
    route({ method: 'GET', path: '/resource_providers/:uuid/allocations', policy: 'placement:resource_providers:allocations:list', faults: ['notFound'], handler: async (request) => {
      const provider = await requestedProvider(parts, request);
      if (isFault(provider)) return provider;
      const rows = await db.selectFrom('allocations as a').leftJoin('consumers as c', 'c.uuid', 'a.consumer_uuid').select(['a.consumer_uuid', 'a.resource_class', 'a.used', 'c.generation']).where('a.provider_uuid', '=', provider.uuid).execute();
      const allocations: Record<string, { resources: Record<string, number>; consumer_generation?: number }> = {};
      for (const row of rows) {
        const entry = (allocations[row.consumer_uuid] ??= request.version >= 28 ? { resources: {}, consumer_generation: row.generation ?? 0 } : { resources: {} });
        entry.resources[row.resource_class] = row.used;
      }
      return { status: 200, body: { allocations, resource_provider_generation: provider.generation } };
    } }),
  ];
}
