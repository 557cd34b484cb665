// Routes of allocations: the resources that consumers hold at providers.
import Type from 'typebox';
import type { TSchema } from 'typebox';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { JsonObject } from '#contracts/common/json.ts';
import type { Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import type { ConsumerClaim } from '../domain/settle-claims.ts';
import { canonicalUuid } from '../domain/uuid.ts';
import { allocationsOf, allocationsOfProvider, findConsumer } from '../store/allocations.ts';
import { unknownNames } from '../store/names.ts';
import type { PlacementParts } from './parts.ts';
import { requestedProvider } from './requested-provider.ts';
import { byCanonicalUuid, uuidSchema } from './schemas.ts';

const amounts = Type.Record(
  Type.String({ pattern: '^[A-Z0-9_]+$' }),
  Type.Integer({ minimum: 1 }),
  { additionalProperties: false, minProperties: 1 },
);
const owner = {
  project_id: Type.String({ minLength: 1, maxLength: 255 }),
  user_id: Type.String({ minLength: 1, maxLength: 255 }),
};
const generation = { consumer_generation: Type.Union([Type.Integer({ minimum: 0 }), Type.Null()]) };
const consumerType = {
  consumer_type: Type.String({ minLength: 1, maxLength: 255, pattern: '^[A-Z0-9_]+$' }),
};
const listForm = Type.Array(
  Type.Object(
    {
      resource_provider: Type.Object({ uuid: uuidSchema }, { additionalProperties: false }),
      resources: amounts,
    },
    { additionalProperties: false },
  ),
  { minItems: 1 },
);
const dictForm = (minProperties: number) =>
  Type.Record(
    uuidSchema,
    Type.Object(
      { generation: Type.Optional(Type.Integer()), resources: amounts },
      { additionalProperties: false },
    ),
    { additionalProperties: false, minProperties },
  );
const strict = (fields: Record<string, TSchema>) =>
  Type.Object(fields, { additionalProperties: false });
/**
 * Accepted in the form in which candidates give them, and ignored. api-ref, "Update allocations".
 */
const mappings = {
  mappings: Type.Optional(
    Type.Record(
      Type.String({ pattern: '^([a-zA-Z0-9_-]{1,64})?$' }),
      Type.Array(uuidSchema, { minItems: 1 }),
      { minProperties: 1 },
    ),
  ),
};

const putBody = [
  { from: 0, schema: strict({ allocations: listForm }) },
  { from: 8, schema: strict({ allocations: listForm, ...owner }) },
  { from: 12, schema: strict({ allocations: dictForm(1), ...owner }) },
  { from: 28, schema: strict({ allocations: dictForm(0), ...owner, ...generation }) },
  { from: 34, schema: strict({ allocations: dictForm(0), ...owner, ...generation, ...mappings }) },
  {
    from: 38,
    schema: strict({
      allocations: dictForm(0),
      ...owner,
      ...generation,
      ...mappings,
      ...consumerType,
    }),
  },
];
const claimFields: readonly { from: number; fields: Record<string, TSchema> }[] = [
  { from: 13, fields: { allocations: dictForm(0), ...owner } },
  { from: 28, fields: { allocations: dictForm(0), ...owner, ...generation } },
  { from: 34, fields: { allocations: dictForm(0), ...owner, ...generation, ...mappings } },
  {
    from: 38,
    fields: { allocations: dictForm(0), ...owner, ...generation, ...mappings, ...consumerType },
  },
];
/**
 * Schema of claims by consumer, for each microversion. POST /allocations needs at least one claim,
 * a reshape may have none.
 */
export const manyClaims = (minProperties: number) =>
  claimFields.map(({ from, fields }) => ({
    from,
    schema: Type.Record(uuidSchema, strict(fields), { additionalProperties: false, minProperties }),
  }));

export interface ClaimBody {
  allocations:
    | { resource_provider: { uuid: string }; resources: Record<string, number> }[]
    | Record<string, { resources: Record<string, number> }>;
  project_id?: string;
  user_id?: string;
  consumer_generation?: number | null;
  consumer_type?: string;
}

// Project and user of consumers that were created before microversion 1.8 required them: upstream's
// incomplete_consumer_* options.
const nobody = '00000000-0000-0000-0000-000000000000';

export function toClaim(consumerUuid: string, body: ClaimBody): Outcome<ConsumerClaim> {
  const entries = Array.isArray(body.allocations)
    ? lastOf(body.allocations)
    : byCanonicalUuid(body.allocations);
  if (isFault(entries)) return entries;
  return {
    consumerUuid,
    projectId: body.project_id ?? nobody,
    userId: body.user_id ?? nobody,
    consumerType: body.consumer_type ?? null,
    generation: 'consumer_generation' in body ? body.consumer_generation : undefined,
    allocations: new Map(
      [...entries].map(([uuid, { resources }]) => [uuid, new Map(Object.entries(resources))]),
    ),
  };
}

/** Converts the list form of allocations; of two entries for one provider the last one counts. */
function lastOf(
  list: readonly { resource_provider: { uuid: string }; resources: Record<string, number> }[],
): Map<string, { resources: Record<string, number> }> {
  return new Map(
    list.map((entry) => [
      canonicalUuid(entry.resource_provider.uuid) ?? entry.resource_provider.uuid,
      entry,
    ]),
  );
}

export function toClaims(bodies: Readonly<Record<string, ClaimBody>>): Outcome<ConsumerClaim[]> {
  const byConsumer = byCanonicalUuid(bodies);
  if (isFault(byConsumer)) return byConsumer;
  const claims: ConsumerClaim[] = [];
  for (const [uuid, one] of byConsumer) {
    const claim = toClaim(uuid, one);
    if (isFault(claim)) return claim;
    claims.push(claim);
  }
  return claims;
}

/** Writes the claims of one request: all of them or none. */
export async function writeClaims(
  parts: PlacementParts,
  claims: readonly ConsumerClaim[],
): Promise<Outcome<void>> {
  const missing = await unknownNames(
    parts.database.db,
    'resource_classes',
    claims.flatMap((claim) =>
      [...claim.allocations.values()].flatMap((resources) => [...resources.keys()]),
    ),
  );
  if (missing.length > 0)
    return fault(
      'badRequest',
      `Unable to allocate inventory${claims.length === 1 ? ` for consumer ${claims[0]?.consumerUuid}` : ''}: No such resource class ${missing.join(', ')}.`,
    );
  return await parts.claims.add(claims);
}

export function allocationRoutes(parts: PlacementParts): readonly Route[] {
  const { db } = parts.database;
  const { world } = parts;
  return [
    route('GET', '/allocations/:consumer', {
      policy: 'placement:allocations:list',
      handler: async ({ params, version }) => {
        const consumerUuid = canonicalUuid(params['consumer'] ?? '') ?? '';
        const allocationRows = await allocationsOf(db, consumerUuid);
        if (allocationRows.length === 0) return { status: 200, body: { allocations: {} } };
        const { providers } = await world.read();
        const allocations: Record<
          string,
          { generation: number; resources: Record<string, number> }
        > = {};
        for (const { provider_uuid, resource_class, used } of allocationRows) {
          const entry = (allocations[provider_uuid] ??= {
            generation: providers.get(provider_uuid)?.generation ?? 0,
            resources: {},
          });
          entry.resources[resource_class] = used;
        }
        const body: JsonObject = { allocations };
        const consumer = await findConsumer(db, consumerUuid);
        if (consumer && version >= 12)
          Object.assign(body, { project_id: consumer.project_id, user_id: consumer.user_id });
        if (consumer && version >= 28) body['consumer_generation'] = consumer.generation;
        if (consumer && version >= 38) body['consumer_type'] = consumer.consumer_type ?? 'unknown';
        return { status: 200, body };
      },
    }),
    route<ClaimBody>('PUT', '/allocations/:consumer', {
      policy: 'placement:allocations:update',
      body: putBody,
      faults: ['conflict', 'concurrentUpdate'],
      handler: async ({ params, body }) => {
        const consumerUuid = canonicalUuid(params['consumer'] ?? '');
        if (consumerUuid === undefined)
          return fault('badRequest', `Malformed consumer_uuid: ${params['consumer']}`);
        const claim = toClaim(consumerUuid, body);
        return isFault(claim) ? claim : ((await writeClaims(parts, [claim])) ?? { status: 204 });
      },
    }),
    route<Record<string, ClaimBody>>('POST', '/allocations', {
      since: 13,
      policy: 'placement:allocations:manage',
      body: manyClaims(1),
      faults: ['conflict', 'concurrentUpdate'],
      handler: async ({ body }) => {
        const claims = toClaims(body);
        return isFault(claims) ? claims : ((await writeClaims(parts, claims)) ?? { status: 204 });
      },
    }),
    route('DELETE', '/allocations/:consumer', {
      policy: 'placement:allocations:delete',
      faults: ['notFound', 'conflict', 'concurrentUpdate'],
      handler: async ({ params }) => {
        const consumerUuid = canonicalUuid(params['consumer'] ?? '') ?? params['consumer'] ?? '';
        if ((await allocationsOf(db, consumerUuid)).length === 0)
          return fault('notFound', `No allocations for consumer '${consumerUuid}'`);
        return (
          (await writeClaims(parts, [
            {
              consumerUuid,
              projectId: nobody,
              userId: nobody,
              consumerType: null,
              generation: undefined,
              allocations: new Map(),
            },
          ])) ?? { status: 204 }
        );
      },
    }),
    route('GET', '/resource_providers/:uuid/allocations', {
      policy: 'placement:resource_providers:allocations:list',
      faults: ['notFound'],
      handler: async (request) => {
        const provider = await requestedProvider(parts, request);
        if (isFault(provider)) return provider;
        const rows = await allocationsOfProvider(db, provider.uuid);
        const allocations: Record<
          string,
          { resources: Record<string, number>; consumer_generation?: number }
        > = {};
        for (const row of rows) {
          const entry = (allocations[row.consumer_uuid] ??=
            request.version >= 28
              ? { resources: {}, consumer_generation: row.generation ?? 0 }
              : { resources: {} });
          entry.resources[row.resource_class] = row.used;
        }
        return {
          status: 200,
          body: { allocations, resource_provider_generation: provider.generation },
        };
      },
    }),
  ];
}
