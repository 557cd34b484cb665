// Resource providers: create, list (with every filter), show, rename and move, delete.
import Type from 'typebox';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { ApiRequest, Reply, Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import { isUniqueViolation } from '#platform/db/errors.ts';
import { transaction } from '#platform/db/transaction.ts';
import type { PlacementParts } from '../deps.ts';
import type { Provider } from '../domain/provider.ts';
import { refusal } from '../domain/provider.ts';
import {
  parseMemberOf,
  parseResources,
  parseTraits,
  parseUuid,
  unknownParameter,
  type Parameters,
} from '../domain/query-values.ts';
import { canonicalUuid } from '../domain/uuid.ts';
import type { PlacementDb } from '../store/world.ts';
import { noteChange } from '../store/world.ts';
import { lastModified } from './answers-by-version.ts';
import { Refusal, requestedProvider, unknownNames, uuidSchema } from './parts.ts';
import { providerView } from './views.ts';

interface Body {
  name: string;
  uuid?: string;
  parent_provider_uuid?: string | null;
}

const nameSchema = Type.String({ minLength: 1, maxLength: 200 });
const parent = Type.Optional(Type.Union([uuidSchema, Type.Null()]));
const createBody = [
  {
    from: 0,
    schema: Type.Object(
      { name: nameSchema, uuid: Type.Optional(uuidSchema) },
      { additionalProperties: false },
    ),
  },
  {
    from: 14,
    schema: Type.Object(
      { name: nameSchema, uuid: Type.Optional(uuidSchema), parent_provider_uuid: parent },
      { additionalProperties: false },
    ),
  },
];
const updateBody = [
  { from: 0, schema: Type.Object({ name: nameSchema }, { additionalProperties: false }) },
  {
    from: 14,
    schema: Type.Object(
      { name: nameSchema, parent_provider_uuid: parent },
      { additionalProperties: false },
    ),
  },
];
const policy = (name: string): string => `placement:resource_providers:${name}`;

/** Both keys of a provider are unique: says which of them is taken. */
async function duplicate(db: PlacementDb, name: string, uuid: string) {
  const there = await db
    .selectFrom('resource_providers')
    .select('uuid')
    .where('uuid', '=', uuid)
    .executeTakeFirst();
  return fault(
    'conflict',
    `Conflicting resource provider ${there ? `uuid: ${uuid}` : `name: ${name}`} already exists.`,
    { code: 'placement.duplicate_name' },
  );
}

export function providerRoutes(parts: PlacementParts): readonly Route[] {
  const {
    database: { db },
    world,
    clock,
    ids,
  } = parts;
  return [
    route<Body>({
      method: 'POST',
      path: '/resource_providers',
      policy: policy('create'),
      body: createBody,
      faults: ['conflict'],
      handler: async (request) => {
        const { name } = request.body;
        const uuid = canonicalUuid(request.body.uuid ?? '') ?? ids.uuid();
        const parentUuid = canonicalUuid(request.body.parent_provider_uuid ?? '') ?? null;
        const unable = (why: string) =>
          fault('badRequest', `Unable to create resource provider "${name}", ${uuid}: ${why}`);
        if (parentUuid === uuid)
          return unable(
            'parent provider UUID cannot be same as UUID. Please set parent provider UUID to None.',
          );
        const above =
          parentUuid === null ? undefined : (await world.read()).providers.get(parentUuid);
        if (parentUuid !== null && !above)
          return unable(`parent provider UUID does not exist: ${parentUuid}.`);
        const now = clock.now();
        try {
          await transaction(db, async (trx) => {
            await trx
              .insertInto('resource_providers')
              .values({
                uuid,
                name,
                generation: 0,
                parent_uuid: parentUuid,
                root_uuid: above?.rootUuid ?? uuid,
                created_at_ms: now,
                updated_at_ms: now,
              })
              .execute();
            await noteChange(trx);
          });
        } catch (error) {
          if (isUniqueViolation(error)) return await duplicate(db, name, uuid);
          throw error;
        }
        const location = { location: `${request.baseUrl}/resource_providers/${uuid}` };
        const made = (await world.read()).providers.get(uuid);
        return request.version < 20 || !made
          ? { status: 201, headers: location }
          : { status: 200, headers: location, body: providerView(made, request.version) };
      },
    }),
    route({
      method: 'GET',
      path: '/resource_providers',
      policy: policy('list'),
      handler: async (request) => await list(parts, request),
    }),
    route({
      method: 'GET',
      path: '/resource_providers/:uuid',
      policy: policy('show'),
      faults: ['notFound'],
      handler: async (request) => {
        const provider = await requestedProvider(parts, request);
        return isFault(provider)
          ? provider
          : {
              status: 200,
              headers: lastModified(provider.updatedAtMs),
              body: providerView(provider, request.version),
            };
      },
    }),
    route<Body>({
      method: 'PUT',
      path: '/resource_providers/:uuid',
      policy: policy('update'),
      body: updateBody,
      faults: ['notFound', 'conflict'],
      handler: async (request) => {
        const provider = await requestedProvider(parts, request);
        if (isFault(provider)) return provider;
        const changed = await update(parts, provider, request.body, request.version);
        return isFault(changed)
          ? changed
          : {
              status: 200,
              headers: lastModified(changed.updatedAtMs),
              body: providerView(changed, request.version),
            };
      },
    }),
    route({
      method: 'DELETE',
      path: '/resource_providers/:uuid',
      policy: policy('delete'),
      faults: ['notFound', 'conflict'],
      handler: async (request) => {
        const provider = await requestedProvider(parts, request);
        if (isFault(provider)) return provider;
        const refused = new Refusal();
        const done = await transaction(
          db,
          async (trx) => await remove(trx, provider.uuid, refused),
        ).catch((error: unknown) => refused.caught(error));
        return isFault(done) ? done : { status: 204 };
      },
    }),
  ];
}

async function remove(trx: PlacementDb, uuid: string, refused: Refusal): Promise<void> {
  const child = await trx
    .selectFrom('resource_providers')
    .select('uuid')
    .where('parent_uuid', '=', uuid)
    .executeTakeFirst();
  if (child)
    throw refused.because(
      fault(
        'conflict',
        `Unable to delete parent resource provider ${uuid}: It has child resource providers.`,
        { code: 'placement.resource_provider.cannot_delete_parent' },
      ),
    );
  const used = await trx
    .selectFrom('allocations')
    .select('consumer_uuid')
    .where('provider_uuid', '=', uuid)
    .executeTakeFirst();
  if (used)
    throw refused.because(
      fault(
        'conflict',
        `Unable to delete resource provider ${uuid}: Resource provider has allocations.`,
        { code: 'placement.resource_provider.inuse' },
      ),
    );
  for (const table of ['inventories', 'provider_traits', 'provider_aggregates'] as const)
    await trx.deleteFrom(table).where('provider_uuid', '=', uuid).execute();
  await trx.deleteFrom('resource_providers').where('uuid', '=', uuid).execute();
  await noteChange(trx);
}

async function update(
  parts: PlacementParts,
  provider: Provider,
  body: Body,
  version: number,
): Promise<Outcome<Provider>> {
  const {
    database: { db },
    world,
    clock,
  } = parts;
  const { providers, trees } = await world.read();
  const tree = trees.get(provider.rootUuid) ?? [provider];
  const parentUuid =
    body.parent_provider_uuid === undefined
      ? provider.parentUuid
      : (canonicalUuid(body.parent_provider_uuid ?? '') ?? null);
  const above = parentUuid === null ? undefined : providers.get(parentUuid);
  if (parentUuid !== provider.parentUuid) {
    if (version < 37 && provider.parentUuid !== null)
      return fault(
        'badRequest',
        parentUuid === null
          ? 'un-parenting a provider is not currently allowed'
          : 're-parenting a provider is not currently allowed',
      );
    if (parentUuid !== null && !above)
      return fault(
        'badRequest',
        `Unable to save resource provider ${provider.uuid}: parent provider UUID does not exist: ${parentUuid}.`,
      );
  }
  const below = descendants(tree, provider.uuid);
  if (parentUuid !== null && below.has(parentUuid))
    return fault('badRequest', 'creating loop in the provider tree is not allowed.');
  const root = above?.rootUuid ?? provider.uuid;
  try {
    await transaction(db, async (trx) => {
      await trx
        .updateTable('resource_providers')
        .set({ name: body.name, parent_uuid: parentUuid, updated_at_ms: clock.now() })
        .where('uuid', '=', provider.uuid)
        .execute();
      if (root !== provider.rootUuid)
        await trx
          .updateTable('resource_providers')
          .set({ root_uuid: root })
          .where('uuid', 'in', [...below])
          .execute();
      await noteChange(trx);
    });
  } catch (error) {
    if (isUniqueViolation(error)) return await duplicate(db, body.name, '');
    throw error;
  }
  return (
    (await world.read()).providers.get(provider.uuid) ??
    fault('notFound', `No resource provider with uuid ${provider.uuid} found`)
  );
}

/** The provider and everything under it. */
function descendants(tree: readonly Provider[], uuid: string): Set<string> {
  const below = new Set([uuid]);
  for (let size = 0; size !== below.size;) {
    size = below.size;
    for (const provider of tree)
      if (provider.parentUuid !== null && below.has(provider.parentUuid)) below.add(provider.uuid);
  }
  return below;
}

const known: Parameters = {
  name: 0,
  uuid: 0,
  member_of: 3,
  resources: 4,
  in_tree: 14,
  required: 18,
};

async function list(
  { database: { db }, world }: PlacementParts,
  request: ApiRequest,
): Promise<Outcome<Reply>> {
  const { query, version } = request;
  const stranger = unknownParameter(query, known, version);
  if (stranger) return stranger;
  const { providers } = await world.read();
  let found = [...providers.values()];
  const [name, resources] = [query['name']?.[0], query['resources']?.[0]];
  const [uuid, inTree] = [
    query['uuid'] && parseUuid(query['uuid'].at(-1) ?? '', 'uuid'),
    query['in_tree'] && parseUuid(query['in_tree'].at(-1) ?? '', 'in_tree'),
  ];
  if (isFault(uuid)) return uuid;
  if (isFault(inTree)) return inTree;
  if (name !== undefined) found = found.filter((provider) => provider.name === name);
  if (uuid !== undefined) found = found.filter((provider) => provider.uuid === uuid);
  if (inTree !== undefined)
    found = found.filter((provider) => provider.rootUuid === providers.get(inTree)?.rootUuid);
  if (query['member_of']) {
    const members = parseMemberOf(query['member_of'], version);
    if (isFault(members)) return members;
    found = found.filter(
      (provider) =>
        members.memberOf.every((any) =>
          any.some((aggregate) => provider.aggregates.has(aggregate)),
        ) && !members.notMemberOf.some((aggregate) => provider.aggregates.has(aggregate)),
    );
  }
  if (query['required']) {
    const traits = parseTraits(query['required'], version);
    if (isFault(traits)) return traits;
    const both = traits.required
      .filter((any) => any.every((trait) => traits.forbidden.includes(trait)))
      .flat();
    if (both.length > 0)
      return fault(
        'badRequest',
        `Conflicting required and forbidden traits found in the following traits keys: required: (${both.join(', ')})`,
      );
    const missing = await unknownNames(db, 'traits', [
      ...traits.required.flat(),
      ...traits.forbidden,
    ]);
    if (missing.length > 0) return fault('badRequest', `No such trait(s): ${missing.join(', ')}.`);
    found = found.filter(
      (provider) =>
        traits.required.every((any) => any.some((trait) => provider.traits.has(trait))) &&
        !traits.forbidden.some((trait) => provider.traits.has(trait)),
    );
  }
  if (resources !== undefined) {
    const wanted = parseResources(resources);
    if (isFault(wanted)) return wanted;
    const missing = await unknownNames(db, 'resource_classes', wanted.keys());
    if (missing.length > 0)
      return fault(
        'badRequest',
        `Invalid resource class in resources parameter: No such resource class ${missing.join(', ')}.`,
      );
    found = found.filter((provider) =>
      [...wanted].every(
        ([resourceClass, amount]) =>
          refusal(provider, resourceClass, amount, provider.used.get(resourceClass) ?? 0) ===
          undefined,
      ),
    );
  }
  const changedAtMs = found.map((provider) => provider.updatedAtMs);
  return {
    status: 200,
    headers:
      changedAtMs.length === 0 ? {} : lastModified(changedAtMs.reduce((a, b) => Math.max(a, b))),
    body: { resource_providers: found.map((provider) => providerView(provider, version)) },
  };
}
