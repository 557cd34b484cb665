// Resource providers: create, list (with every filter), show, rename, move in the tree, delete.
import Type from 'typebox';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { ApiRequest, Reply, Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import type { Provider } from '../domain/provider.ts';
import { refusal } from '../domain/provider.ts';
import type { Parameters } from '../domain/query-values.ts';
import {
  parseMemberOf,
  parseResources,
  parseTraits,
  parseUuid,
  unknownParameter,
} from '../domain/query-values.ts';
import { canonicalUuid } from '../domain/uuid.ts';
import { unknownNames } from '../store/names.ts';
import {
  deleteProvider,
  insertProvider,
  moveProvider,
  providerExists,
  renameProvider,
} from '../store/providers.ts';
import type { PlacementDb } from '../store/tables.ts';
import { lastModified } from './answers-by-version.ts';
import type { PlacementParts } from './parts.ts';
import { requestedProvider, showOfProvider } from './requested-provider.ts';
import { uuidSchema } from './schemas.ts';
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

/** The conflict that says which is taken: the name or the UUID. */
async function duplicate(db: PlacementDb, name: string, uuid: string) {
  return fault(
    'conflict',
    `Conflicting resource provider ${(await providerExists(db, uuid)) ? `uuid: ${uuid}` : `name: ${name}`} already exists.`,
    { code: 'placement.duplicate_name' },
  );
}

export function providerRoutes(parts: PlacementParts): readonly Route[] {
  const { db } = parts.database;
  const { world, clock, ids } = parts;
  return [
    route<Body>('POST', '/resource_providers', {
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
        const stored = await insertProvider(db, { uuid, name, parentUuid }, clock.now());
        if (stored === 'noParent')
          return unable(`parent provider UUID does not exist: ${parentUuid}.`);
        if (stored === 'taken') return await duplicate(db, name, uuid);
        const location = { location: `${request.baseUrl}/resource_providers/${uuid}` };
        const provider = (await world.read()).providers.get(uuid);
        return request.version < 20 || !provider
          ? { status: 201, headers: location }
          : { status: 200, headers: location, body: providerView(provider, request.version) };
      },
    }),
    route('GET', '/resource_providers', {
      policy: policy('list'),
      handler: async (request) => await list(parts, request),
    }),
    route('GET', '/resource_providers/:uuid', {
      policy: policy('show'),
      faults: ['notFound'],
      handler: showOfProvider(parts, (provider, { version }) => providerView(provider, version)),
    }),
    route<Body>('PUT', '/resource_providers/:uuid', {
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
    route('DELETE', '/resource_providers/:uuid', {
      policy: policy('delete'),
      faults: ['notFound', 'conflict'],
      handler: async (request) => {
        const provider = await requestedProvider(parts, request);
        if (isFault(provider)) return provider;
        return await remove(db, provider.uuid);
      },
    }),
  ];
}

async function remove(db: PlacementDb, uuid: string): Promise<Outcome<Reply>> {
  switch (await deleteProvider(db, uuid)) {
    case 'deleted':
      return { status: 204 };
    case 'hasChildren':
      return fault(
        'conflict',
        `Unable to delete parent resource provider ${uuid}: It has child resource providers.`,
        { code: 'placement.resource_provider.cannot_delete_parent' },
      );
    case 'hasAllocations':
      return fault(
        'conflict',
        `Unable to delete resource provider ${uuid}: Resource provider has allocations.`,
        { code: 'placement.resource_provider.inuse' },
      );
  }
}

async function update(
  parts: PlacementParts,
  provider: Provider,
  body: Body,
  version: number,
): Promise<Outcome<Provider>> {
  const { db } = parts.database;
  const { world, clock } = parts;
  const { uuid } = provider;
  const parentUuid =
    body.parent_provider_uuid === undefined
      ? provider.parentUuid
      : (canonicalUuid(body.parent_provider_uuid ?? '') ?? null);
  const moves = parentUuid !== provider.parentUuid;
  if (moves && version < 37 && provider.parentUuid !== null)
    return fault(
      'badRequest',
      parentUuid === null
        ? 'un-parenting a provider is not currently allowed'
        : 're-parenting a provider is not currently allowed',
    );
  const stored = moves
    ? await moveProvider(db, { uuid, name: body.name, parentUuid }, clock.now())
    : await renameProvider(db, uuid, body.name, clock.now());
  if (stored === 'noParent')
    return fault(
      'badRequest',
      `Unable to save resource provider ${uuid}: parent provider UUID does not exist: ${parentUuid}.`,
    );
  if (stored === 'loop')
    return fault('badRequest', 'creating loop in the provider tree is not allowed.');
  if (stored === 'taken') return await duplicate(db, body.name, '');
  return (
    (await world.read()).providers.get(uuid) ??
    fault('notFound', `No resource provider with uuid ${uuid} found`)
  );
}

const parameters: Parameters = {
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
  const stranger = unknownParameter(query, parameters, version);
  if (stranger) return stranger;
  const { providers } = await world.read();
  let matchingProviders = [...providers.values()];
  const [name, resources] = [query['name']?.[0], query['resources']?.[0]];
  const [uuid, inTree] = [
    query['uuid'] && parseUuid(query['uuid'].at(-1) ?? '', 'uuid'),
    query['in_tree'] && parseUuid(query['in_tree'].at(-1) ?? '', 'in_tree'),
  ];
  if (isFault(uuid)) return uuid;
  if (isFault(inTree)) return inTree;
  if (name !== undefined)
    matchingProviders = matchingProviders.filter((provider) => provider.name === name);
  if (uuid !== undefined)
    matchingProviders = matchingProviders.filter((provider) => provider.uuid === uuid);
  if (inTree !== undefined)
    matchingProviders = matchingProviders.filter(
      (provider) => provider.rootUuid === providers.get(inTree)?.rootUuid,
    );
  if (query['member_of']) {
    const members = parseMemberOf(query['member_of'], version);
    if (isFault(members)) return members;
    matchingProviders = matchingProviders.filter(
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
    matchingProviders = matchingProviders.filter(
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
    matchingProviders = matchingProviders.filter((provider) =>
      [...wanted].every(
        ([resourceClass, amount]) =>
          refusal(provider, resourceClass, amount, provider.used.get(resourceClass) ?? 0) ===
          undefined,
      ),
    );
  }
  const changedAtMs = matchingProviders.map((provider) => provider.updatedAtMs);
  return {
    status: 200,
    headers:
      changedAtMs.length === 0 ? {} : lastModified(changedAtMs.reduce((a, b) => Math.max(a, b))),
    body: {
      resource_providers: matchingProviders.map((provider) => providerView(provider, version)),
    },
  };
}
