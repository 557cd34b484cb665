// /v3/regions, /v3/services and /v3/endpoints: what the catalog is made of.
import { Type, type Static } from 'typebox';
import { fault, isFault, type Fault, type Outcome } from '#contracts/common/fault.ts';
import type { JsonObject } from '#contracts/common/json.ts';
import { route, type ApiRequest, type Reply, type Route } from '#openstack/http/route.ts';
import { isUniqueViolation } from '#platform/db/errors.ts';
import { filtered } from '../store/filter.ts';
import type { EndpointRow, KeystoneTables } from '../store/tables.ts';
import type { Keystone } from './keystone.ts';
import { notFound } from './permit.ts';
import {
  asked,
  created,
  done,
  enabled,
  extraOf,
  idText,
  listed,
  nameOf,
  parsed,
  shown,
  text,
  urlOf,
  wrapped,
} from './shapes.ts';

type RegionRow = KeystoneTables['region'];
type ServiceRow = KeystoneTables['service'];

export function catalogRoutes(k: Keystone): Route[] {
  return [...regionRoutes(k), ...serviceRoutes(k), ...endpointRoutes(k)];
}

const regionColumns = ['id', 'parent_region_id', 'description'];
const regionId = Type.String({ minLength: 1, maxLength: 255 });
const regionAttributes = {
  description: Type.Optional(text),
  parent_region_id: Type.Optional(Type.Union([regionId, Type.Null()])),
};
const createRegion = wrapped('region', {
  id: Type.Optional(Type.String({ maxLength: 255 })),
  ...regionAttributes,
});
const updateRegion = wrapped('region', regionAttributes, { minProperties: 1 });

function regionRoutes(k: Keystone): Route[] {
  const view = (request: ApiRequest<unknown>, row: RegionRow): JsonObject => ({
    ...parsed(row.extra),
    id: row.id,
    description: row.description,
    parent_region_id: row.parent_region_id,
    links: { self: urlOf(request, `regions/${row.id}`) },
  });
  async function find(request: ApiRequest<unknown>): Promise<Outcome<RegionRow>> {
    const id = request.params['region_id'] ?? '';
    return (
      (await k.db.selectFrom('region').selectAll().where('id', '=', id).executeTakeFirst()) ??
      notFound('region', id)
    );
  }
  async function checkParent(id: string | null | undefined): Promise<Fault | undefined> {
    if (!id) return undefined;
    return (await k.db.selectFrom('region').select('id').where('id', '=', id).executeTakeFirst())
      ? undefined
      : notFound('region', id);
  }

  async function create(
    request: ApiRequest<Static<typeof createRegion>>,
    id: string,
  ): Promise<Outcome<Reply>> {
    const { region } = request.body;
    const noParent = await checkParent(region.parent_region_id);
    if (noParent) return noParent;
    const row: RegionRow = {
      id,
      parent_region_id: region.parent_region_id ?? null,
      description: region.description ?? '',
      extra: extraOf(region, regionColumns),
    };
    try {
      await k.db.insertInto('region').values(row).execute();
    } catch (error) {
      if (isUniqueViolation(error))
        return fault(
          'conflict',
          `Conflict occurred attempting to store region - Duplicate ID, ${id}.`,
        );
      throw error;
    }
    return created('region', view(request, row));
  }

  return [
    route({
      method: 'GET',
      path: '/v3/regions',
      policy: 'identity:list_regions',
      async handler(request) {
        const rows = await filtered(k.db.selectFrom('region').selectAll().orderBy('id'), {
          parent_region_id: asked(request, 'parent_region_id'),
        }).execute();
        return listed(
          request,
          'regions',
          rows.map((row) => view(request, row)),
          ['parent_region_id'],
        );
      },
    }),
    route<Static<typeof createRegion>>({
      method: 'POST',
      path: '/v3/regions',
      policy: 'identity:create_region',
      body: createRegion,
      faults: ['conflict', 'notFound'],
      handler: (request) => create(request, request.body.region.id || k.ids.hex()),
    }),
    route<Static<typeof createRegion>>({
      method: 'PUT',
      path: '/v3/regions/:region_id',
      policy: 'identity:create_region',
      body: createRegion,
      faults: ['conflict', 'notFound'],
      handler: (request) => create(request, request.params['region_id'] ?? ''),
    }),
    route({
      method: 'GET',
      path: '/v3/regions/:region_id',
      policy: 'identity:get_region',
      faults: ['notFound'],
      async handler(request) {
        const row = await find(request);
        return isFault(row) ? row : shown('region', view(request, row));
      },
    }),
    route<Static<typeof updateRegion>>({
      method: 'PATCH',
      path: '/v3/regions/:region_id',
      policy: 'identity:update_region',
      body: updateRegion,
      faults: ['notFound'],
      async handler(request) {
        const { region } = request.body;
        const row = await find(request);
        if (isFault(row)) return row;
        const noParent = await checkParent(region.parent_region_id);
        if (noParent) return noParent;
        const changes = {
          ...(region.description !== undefined && { description: region.description ?? '' }),
          ...(region.parent_region_id !== undefined && {
            parent_region_id: region.parent_region_id,
          }),
          extra: extraOf(region, regionColumns, row.extra),
        };
        await k.db.updateTable('region').set(changes).where('id', '=', row.id).execute();
        return shown('region', view(request, { ...row, ...changes }));
      },
    }),
    route({
      method: 'DELETE',
      path: '/v3/regions/:region_id',
      policy: 'identity:delete_region',
      faults: ['notFound'],
      async handler(request) {
        const row = await find(request);
        if (isFault(row)) return row;
        const endpoint = await k.db
          .selectFrom('endpoint')
          .select('id')
          .where('region_id', '=', row.id)
          .executeTakeFirst();
        const child = await k.db
          .selectFrom('region')
          .select('id')
          .where('parent_region_id', '=', row.id)
          .executeTakeFirst();
        if (endpoint || child)
          return fault(
            'forbidden',
            `Unable to delete region ${row.id} because it or its child regions have associated endpoints.`,
          );
        await k.db.deleteFrom('region').where('id', '=', row.id).execute();
        return done;
      },
    }),
  ];
}

const serviceColumns = ['id', 'type', 'name', 'enabled'];
const createService = wrapped('service', {
  type: nameOf(255),
  name: Type.Optional(Type.String({ maxLength: 255 })),
  enabled: Type.Optional(enabled),
});
const updateService = wrapped(
  'service',
  {
    type: Type.Optional(nameOf(255)),
    name: Type.Optional(Type.String({ maxLength: 255 })),
    enabled: Type.Optional(enabled),
  },
  { minProperties: 1 },
);

function serviceRoutes(k: Keystone): Route[] {
  const view = (request: ApiRequest<unknown>, row: ServiceRow): JsonObject => ({
    ...parsed(row.extra),
    id: row.id,
    type: row.type,
    name: row.name,
    enabled: row.enabled === 1,
    links: { self: urlOf(request, `services/${row.id}`) },
  });
  async function find(request: ApiRequest<unknown>): Promise<Outcome<ServiceRow>> {
    const id = request.params['service_id'] ?? '';
    return (
      (await k.db.selectFrom('service').selectAll().where('id', '=', id).executeTakeFirst()) ??
      notFound('service', id)
    );
  }
  return [
    route({
      method: 'GET',
      path: '/v3/services',
      policy: 'identity:list_services',
      async handler(request) {
        const rows = await filtered(k.db.selectFrom('service').selectAll().orderBy('id'), {
          type: asked(request, 'type'),
          name: asked(request, 'name'),
        }).execute();
        return listed(
          request,
          'services',
          rows.map((row) => view(request, row)),
          ['type', 'name'],
        );
      },
    }),
    route<Static<typeof createService>>({
      method: 'POST',
      path: '/v3/services',
      policy: 'identity:create_service',
      body: createService,
      async handler(request) {
        const { service } = request.body;
        const row: ServiceRow = {
          id: k.ids.hex(),
          type: service.type,
          name: service.name ?? '',
          enabled: Number(service.enabled ?? true),
          extra: extraOf(service, serviceColumns),
        };
        await k.db.insertInto('service').values(row).execute();
        return created('service', view(request, row));
      },
    }),
    route({
      method: 'GET',
      path: '/v3/services/:service_id',
      policy: 'identity:get_service',
      faults: ['notFound'],
      async handler(request) {
        const row = await find(request);
        return isFault(row) ? row : shown('service', view(request, row));
      },
    }),
    route<Static<typeof updateService>>({
      method: 'PATCH',
      path: '/v3/services/:service_id',
      policy: 'identity:update_service',
      body: updateService,
      faults: ['notFound'],
      async handler(request) {
        const { service } = request.body;
        const row = await find(request);
        if (isFault(row)) return row;
        const changes = {
          type: service.type ?? row.type,
          name: service.name ?? row.name,
          enabled: Number(service.enabled ?? row.enabled),
          extra: extraOf(service, serviceColumns, row.extra),
        };
        await k.db.updateTable('service').set(changes).where('id', '=', row.id).execute();
        return shown('service', view(request, { ...row, ...changes }));
      },
    }),
    route({
      method: 'DELETE',
      path: '/v3/services/:service_id',
      policy: 'identity:delete_service',
      faults: ['notFound'],
      async handler(request) {
        const row = await find(request);
        if (isFault(row)) return row;
        // its endpoints go by foreign key
        await k.db.deleteFrom('service').where('id', '=', row.id).execute();
        return done;
      },
    }),
  ];
}

const endpointColumns = [
  'id',
  'service_id',
  'interface',
  'region',
  'region_id',
  'url',
  'enabled',
  'legacy_endpoint_id',
];
const face = Type.Union([Type.Literal('public'), Type.Literal('internal'), Type.Literal('admin')]);
const url = Type.String({ minLength: 1, pattern: '^[a-zA-Z0-9+.-]+:.+' });
const where = {
  region_id: Type.Optional(Type.Union([regionId, Type.Null()])),
  region: Type.Optional(Type.Union([regionId, Type.Null()])),
  enabled: Type.Optional(enabled),
};
const createEndpoint = wrapped('endpoint', { service_id: idText, interface: face, url, ...where });
const updateEndpoint = wrapped(
  'endpoint',
  {
    service_id: Type.Optional(idText),
    interface: Type.Optional(face),
    url: Type.Optional(url),
    ...where,
  },
  { minProperties: 1 },
);

export function endpointView(request: ApiRequest<unknown>, row: EndpointRow): JsonObject {
  return {
    ...parsed(row.extra),
    id: row.id,
    interface: row.interface,
    region_id: row.region_id,
    region: row.region_id,
    service_id: row.service_id,
    url: row.url,
    enabled: row.enabled === 1,
    links: { self: urlOf(request, `endpoints/${row.id}`) },
  };
}

function endpointRoutes(k: Keystone): Route[] {
  async function find(request: ApiRequest<unknown>): Promise<Outcome<EndpointRow>> {
    const id = request.params['endpoint_id'] ?? '';
    return (
      (await k.db.selectFrom('endpoint').selectAll().where('id', '=', id).executeTakeFirst()) ??
      notFound('endpoint', id)
    );
  }

  /**
   * `region` is the old word for `region_id`, and makes a region that is not there. Identity API,
   * "Create endpoint".
   */
  async function checkRefs(
    serviceId: string,
    region: { id?: string | null; legacy?: string | null },
  ): Promise<Outcome<string | null>> {
    if (
      !(await k.db
        .selectFrom('service')
        .select('id')
        .where('id', '=', serviceId)
        .executeTakeFirst())
    )
      return fault('badRequest', `Endpoint service not found: ${serviceId}.`);
    const id = region.id ?? region.legacy ?? null;
    if (
      id === null ||
      (await k.db.selectFrom('region').select('id').where('id', '=', id).executeTakeFirst())
    )
      return id;
    if (region.id) return fault('badRequest', `Endpoint region not found: ${id}.`);
    await k.db
      .insertInto('region')
      .values({ id, parent_region_id: null, description: '', extra: '{}' })
      .execute();
    return id;
  }

  return [
    route({
      method: 'GET',
      path: '/v3/endpoints',
      policy: 'identity:list_endpoints',
      async handler(request) {
        const filters = {
          interface: asked(request, 'interface'),
          service_id: asked(request, 'service_id'),
          region_id: asked(request, 'region_id') ?? asked(request, 'region'),
        };
        const rows = await filtered(
          k.db.selectFrom('endpoint').selectAll().orderBy('id'),
          filters,
        ).execute();
        return listed(
          request,
          'endpoints',
          rows.map((row) => endpointView(request, row)),
          ['interface', 'service_id', 'region_id'],
        );
      },
    }),
    route<Static<typeof createEndpoint>>({
      method: 'POST',
      path: '/v3/endpoints',
      policy: 'identity:create_endpoint',
      body: createEndpoint,
      async handler(request) {
        const { endpoint } = request.body;
        const region = await checkRefs(endpoint.service_id, {
          id: endpoint.region_id,
          legacy: endpoint.region,
        });
        if (isFault(region)) return region;
        const row: EndpointRow = {
          id: k.ids.hex(),
          service_id: endpoint.service_id,
          interface: endpoint.interface,
          region_id: region,
          url: endpoint.url,
          enabled: Number(endpoint.enabled ?? true),
          extra: extraOf(endpoint, endpointColumns),
        };
        await k.db.insertInto('endpoint').values(row).execute();
        return created('endpoint', endpointView(request, row));
      },
    }),
    route({
      method: 'GET',
      path: '/v3/endpoints/:endpoint_id',
      policy: 'identity:get_endpoint',
      faults: ['notFound'],
      async handler(request) {
        const row = await find(request);
        return isFault(row) ? row : shown('endpoint', endpointView(request, row));
      },
    }),
    route<Static<typeof updateEndpoint>>({
      method: 'PATCH',
      path: '/v3/endpoints/:endpoint_id',
      policy: 'identity:update_endpoint',
      body: updateEndpoint,
      faults: ['notFound'],
      async handler(request) {
        const { endpoint } = request.body;
        const row = await find(request);
        if (isFault(row)) return row;
        const region = await checkRefs(endpoint.service_id ?? row.service_id, {
          id: endpoint.region_id,
          legacy: endpoint.region ?? row.region_id,
        });
        if (isFault(region)) return region;
        const changes = {
          service_id: endpoint.service_id ?? row.service_id,
          interface: endpoint.interface ?? row.interface,
          url: endpoint.url ?? row.url,
          region_id: region,
          enabled: Number(endpoint.enabled ?? row.enabled),
          extra: extraOf(endpoint, endpointColumns, row.extra),
        };
        await k.db.updateTable('endpoint').set(changes).where('id', '=', row.id).execute();
        return shown('endpoint', endpointView(request, { ...row, ...changes }));
      },
    }),
    route({
      method: 'DELETE',
      path: '/v3/endpoints/:endpoint_id',
      policy: 'identity:delete_endpoint',
      faults: ['notFound'],
      async handler(request) {
        const row = await find(request);
        if (isFault(row)) return row;
        await k.db.deleteFrom('endpoint').where('id', '=', row.id).execute();
        return done;
      },
    }),
  ];
}
