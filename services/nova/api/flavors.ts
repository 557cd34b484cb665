// Flavors: list, show, and for administrators create, describe and delete.
// https://docs.openstack.org/api-ref/compute/#flavors
import Type from 'typebox';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { JsonObject } from '#contracts/common/json.ts';
import { booleanOf, booleanSchema } from '#openstack/http/lenient-values.ts';
import type { ApiRequest, Reply, Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import type { NovaDeps } from '../deps.ts';
import {
  deleteFlavor,
  describeFlavor,
  findFlavor,
  insertFlavor,
  listFlavors,
} from '../store/flavors.ts';
import type { FlavorFilters } from '../store/flavors.ts';
import type { FlavorRow } from '../store/tables.ts';
import { numberSchema } from './field-schemas.ts';
import { pageOf } from './page.ts';
import { first, isAdmin, strictQueriesSince, unknownQuery } from './request.ts';
import { nameSchema } from './servers/create-schema.ts';
import { flavorSummary, flavorView } from './views/flavor.ts';
import type { FlavorViewContext } from './views/flavor.ts';

const path = '/v2.1/flavors';
const api = (name: string): string => `os_compute_api:${name}`;

interface CreateBody {
  flavor: {
    name: string;
    id?: string | number | null;
    ram: number | string;
    vcpus: number | string;
    disk: number | string;
    swap?: number | string;
    'OS-FLV-EXT-DATA:ephemeral'?: number | string;
    rxtx_factor?: number | string;
    'os-flavor-access:is_public'?: boolean | string;
    description?: string | null;
  };
}

const largestFloat = 3.40282e38;
const descriptionSchema = Type.Union([
  Type.String({ maxLength: 65_535, pattern: '^[^\\u0000-\\u0008\\u000b\\u000c\\u000e-\\u001f]*$' }),
  Type.Null(),
]);
const fields = {
  name: nameSchema,
  id: Type.Optional(
    Type.Union([
      Type.String({ minLength: 1, maxLength: 255, pattern: '^(?! )[a-zA-Z0-9. _-]+(?<! )$' }),
      Type.Number(),
      Type.Null(),
    ]),
  ),
  ram: numberSchema(1),
  vcpus: numberSchema(1),
  disk: numberSchema(0),
  swap: Type.Optional(numberSchema(0)),
  'OS-FLV-EXT-DATA:ephemeral': Type.Optional(numberSchema(0)),
  rxtx_factor: Type.Optional(
    Type.Union([
      Type.Number({ exclusiveMinimum: 0, maximum: largestFloat }),
      Type.String({ pattern: '^(?=.*[1-9])[0-9]{1,9}(\\.[0-9]{1,9})?$' }),
    ]),
  ),
  'os-flavor-access:is_public': Type.Optional(booleanSchema),
};
const strict = { additionalProperties: false };
const createBody = [
  { from: 0, schema: Type.Object({ flavor: Type.Object(fields, strict) }, strict) },
  {
    from: 55,
    schema: Type.Object(
      { flavor: Type.Object({ ...fields, description: Type.Optional(descriptionSchema) }, strict) },
      strict,
    ),
  },
];
const describeBody = Type.Object(
  { flavor: Type.Object({ description: descriptionSchema }, strict) },
  strict,
);

export function flavorRoutes(deps: NovaDeps): readonly Route[] {
  const { db } = deps.database;
  const { clock, ids } = deps;
  return [
    route('GET', path, {
      policy: null,
      handler: async (request) => await list(deps, request, flavorSummary),
    }),
    route('GET', `${path}/detail`, {
      policy: null,
      handler: async (request) => await list(deps, request, flavorView),
    }),
    route('GET', `${path}/:id`, {
      policy: null,
      faults: ['notFound'],
      handler: async (request) => {
        const flavor = await requestedFlavor(deps, request);
        return isFault(flavor)
          ? flavor
          : { status: 200, body: { flavor: flavorView(flavor, contextOf(request)) } };
      },
    }),
    route<CreateBody>('POST', path, {
      policy: api('os-flavor-manage:create'),
      body: createBody,
      faults: ['conflict'],
      handler: async (request) => {
        const { flavor } = request.body;
        const row: FlavorRow = {
          flavor_id: flavor.id == null || flavor.id === 'auto' ? ids.uuid() : String(flavor.id),
          name: flavor.name,
          memory_mib: Number(flavor.ram),
          vcpus: Number(flavor.vcpus),
          disk_gib: Number(flavor.disk),
          swap_mib: Number(flavor.swap ?? 0),
          ephemeral_gib: Number(flavor['OS-FLV-EXT-DATA:ephemeral'] ?? 0),
          rxtx_factor: Number(flavor.rxtx_factor ?? 1),
          is_public: booleanOf(String(flavor['os-flavor-access:is_public'] ?? true)) ? 1 : 0,
          disabled: 0,
          description: flavor.description ?? null,
          extra_specs: '{}',
          created_at_ms: clock.now(),
        };
        const duplicateField = await insertFlavor(db, row);
        if (duplicateField)
          return fault(
            'conflict',
            duplicateField === 'id'
              ? `Flavor with ID ${row.flavor_id} already exists.`
              : `Flavor with name ${row.name} already exists.`,
          );
        return { status: 200, body: { flavor: flavorView(row, contextOf(request)) } };
      },
    }),
    route<{ flavor: { description: string | null } }>('PUT', `${path}/:id`, {
      since: 55,
      policy: api('os-flavor-manage:update'),
      body: describeBody,
      faults: ['notFound'],
      handler: async (request) => {
        const flavor = await requestedFlavor(deps, request);
        if (isFault(flavor)) return flavor;
        const { description } = request.body.flavor;
        await describeFlavor(db, flavor.flavor_id, description);
        return {
          status: 200,
          body: { flavor: flavorView({ ...flavor, description }, contextOf(request)) },
        };
      },
    }),
    route('DELETE', `${path}/:id`, {
      policy: api('os-flavor-manage:delete'),
      faults: ['notFound'],
      handler: async (request) => {
        const id = request.params['id'] ?? '';
        return (await deleteFlavor(db, id)) ? { status: 202 } : missing(id);
      },
    }),
  ];
}

const missing = (id: string) => fault('notFound', `Flavor ${id} could not be found.`);

const contextOf = (request: ApiRequest<unknown>): FlavorViewContext => ({
  version: request.version,
  baseUrl: request.baseUrl,
  showsExtraSpecs: request.allows(api('os-flavor-extra-specs:index')),
});

/**
 * Reads the flavor `:id`. notFound: no such flavor, or a private one without access for the
 * caller's project.
 */
export async function requestedFlavor(
  { database: { db } }: NovaDeps,
  request: ApiRequest<unknown>,
): Promise<Outcome<FlavorRow>> {
  const id = request.params['id'] ?? '';
  return (
    (await findFlavor(db, id, { projectId: request.auth.projectId, admin: isAdmin(request) })) ??
    missing(id)
  );
}

const sortColumns: Readonly<Record<string, keyof FlavorRow>> = {
  flavorid: 'flavor_id',
  id: 'flavor_id',
  name: 'name',
  memory_mb: 'memory_mib',
  vcpus: 'vcpus',
  root_gb: 'disk_gib',
  ephemeral_gb: 'ephemeral_gib',
  swap: 'swap_mib',
  rxtx_factor: 'rxtx_factor',
  is_public: 'is_public',
  disabled: 'disabled',
  description: 'description',
  created_at: 'created_at_ms',
};

async function list(
  deps: NovaDeps,
  request: ApiRequest,
  view: (flavor: FlavorRow, context: FlavorViewContext) => JsonObject,
): Promise<Outcome<Reply>> {
  const filters = filtersOf(request);
  if (isFault(filters)) return filters;
  const key = first(request, 'sort_key') ?? 'flavorid';
  const column = Object.hasOwn(sortColumns, key) ? sortColumns[key] : undefined;
  if (!column)
    return fault(
      'badRequest',
      `Invalid input for query parameters sort_key. Value: ${key}. It must be one of ${Object.keys(sortColumns).join(', ')}.`,
    );
  const direction = first(request, 'sort_dir') ?? 'asc';
  if (direction !== 'asc' && direction !== 'desc')
    return fault(
      'badRequest',
      `Invalid input for query parameters sort_dir. Value: ${direction}. It must be asc or desc.`,
    );
  const page = pageOf(
    request,
    await listFlavors(deps.database.db, filters, { column, direction }),
    (flavor) => flavor.flavor_id,
    deps.config.maxListLimit,
  );
  if (isFault(page)) return page;
  const context = contextOf(request);
  const body: JsonObject = { flavors: page.items.map((flavor) => view(flavor, context)) };
  if (page.links) body['flavors_links'] = page.links;
  return { status: 200, body };
}

const knownQueries = ['limit', 'marker', 'is_public', 'minRam', 'minDisk', 'sort_key', 'sort_dir'];

function filtersOf(request: ApiRequest): Outcome<FlavorFilters> {
  const unknown =
    request.version < strictQueriesSince ? undefined : unknownQuery(request, knownQueries);
  if (unknown) return unknown;
  const filters: FlavorFilters = {
    isPublic: true,
    projectId: request.auth.projectId,
    minMemoryMib: 0,
    minDiskGib: 0,
  };
  for (const [name, key] of [
    ['minRam', 'minMemoryMib'],
    ['minDisk', 'minDiskGib'],
  ] as const) {
    const text = first(request, name);
    if (text === undefined) continue;
    if (!/^-?\d{1,15}$/.test(text)) return fault('badRequest', `Invalid ${name} filter [${text}]`);
    filters[key] = Number(text);
  }
  const isPublicText = first(request, 'is_public');
  if (isPublicText === undefined) return filters;
  const isPublic = isPublicText.toLowerCase() === 'none' ? null : booleanOf(isPublicText);
  if (isPublic === undefined)
    return fault('badRequest', `Invalid is_public filter [${isPublicText}]`);
  // For all other callers is_public is ignored: they see public flavors and those their project can
  // access.
  return isAdmin(request) ? { ...filters, isPublic } : filters;
}
