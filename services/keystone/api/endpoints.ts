// /v3/endpoints: endpoints of the service catalog.
import { Type, type Static } from 'typebox';
import { fault, isFault, type Outcome } from '#contracts/common/fault.ts';
import type { JsonObject } from '#contracts/common/json.ts';
import { route, type ApiRequest, type Route } from '#openstack/http/route.ts';
import {
  deleteEndpoint,
  findEndpoint,
  insertEndpoint,
  listEndpoints,
  updateEndpoint,
} from '../store/endpoints.ts';
import { findRegion, insertRegion } from '../store/regions.ts';
import { findService } from '../store/services.ts';
import type { EndpointRow } from '../store/tables.ts';
import { enabled, extraOf, idText, parsed, wrapped } from './bodies.ts';
import type { Keystone } from './keystone.ts';
import { notFound } from './permit.ts';
import { regionId } from './regions.ts';
import { queryValue, created, listed, shown, urlOf, showRoute, deleteRoute } from './replies.ts';

const columns = [
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
const createBody = wrapped('endpoint', { service_id: idText, interface: face, url, ...where });
const updateBody = wrapped(
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

export function endpointRoutes(k: Keystone): Route[] {
  async function find(request: ApiRequest<unknown>): Promise<Outcome<EndpointRow>> {
    const id = request.params['endpoint_id'] ?? '';
    return (await findEndpoint(k.db, id)) ?? notFound('endpoint', id);
  }

  /**
   * Checks service and region. `region` is the legacy spelling of `region_id`; it creates the
   * region if there is none. Identity API, "Create endpoint".
   */
  async function checkRefs(
    serviceId: string,
    region: { id?: string | null; legacy?: string | null },
  ): Promise<Outcome<string | null>> {
    if (!(await findService(k.db, serviceId)))
      return fault('badRequest', `Endpoint service not found: ${serviceId}.`);
    const id = region.id ?? region.legacy ?? null;
    if (id === null || (await findRegion(k.db, id))) return id;
    if (region.id) return fault('badRequest', `Endpoint region not found: ${id}.`);
    // Returns false if another request has just inserted it, which does not matter.
    await insertRegion(k.db, { id, parent_region_id: null, description: '', extra: '{}' });
    return id;
  }

  return [
    route('GET', '/v3/endpoints', {
      policy: 'identity:list_endpoints',
      async handler(request) {
        const filters = {
          interface: queryValue(request, 'interface'),
          service_id: queryValue(request, 'service_id'),
          region_id: queryValue(request, 'region_id') ?? queryValue(request, 'region'),
        };
        const rows = await listEndpoints(k.db, filters);
        return listed(
          request,
          'endpoints',
          rows.map((row) => endpointView(request, row)),
          ['interface', 'service_id', 'region_id'],
        );
      },
    }),
    route<Static<typeof createBody>>('POST', '/v3/endpoints', {
      policy: 'identity:create_endpoint',
      body: createBody,
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
          extra: extraOf(endpoint, columns),
        };
        await insertEndpoint(k.db, row);
        return created('endpoint', endpointView(request, row));
      },
    }),
    showRoute(
      '/v3/endpoints/:endpoint_id',
      'identity:get_endpoint',
      'endpoint',
      find,
      endpointView,
    ),
    route<Static<typeof updateBody>>('PATCH', '/v3/endpoints/:endpoint_id', {
      policy: 'identity:update_endpoint',
      body: updateBody,
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
          extra: extraOf(endpoint, columns, row.extra),
        };
        await updateEndpoint(k.db, row.id, changes);
        return shown('endpoint', endpointView(request, { ...row, ...changes }));
      },
    }),
    deleteRoute(
      '/v3/endpoints/:endpoint_id',
      'identity:delete_endpoint',
      find,
      async (row) => await deleteEndpoint(k.db, row.id),
    ),
  ];
}
