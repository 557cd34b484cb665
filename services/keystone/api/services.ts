// /v3/services: services of the catalog.
import { Type, type Static } from 'typebox';
import { isFault, type Outcome } from '#contracts/common/fault.ts';
import type { JsonObject } from '#contracts/common/json.ts';
import { route, type ApiRequest, type Route } from '#openstack/http/route.ts';
import {
  deleteService,
  findService,
  insertService,
  listServices,
  updateService,
} from '../store/services.ts';
import type { ServiceRow } from '../store/tables.ts';
import { enabled, extraOf, nameOf, parsed, wrapped } from './bodies.ts';
import type { Keystone } from './keystone.ts';
import { notFound } from './permit.ts';
import { queryValue, created, listed, shown, urlOf, showRoute, deleteRoute } from './replies.ts';

const columns = ['id', 'type', 'name', 'enabled'];
const createBody = wrapped('service', {
  type: nameOf(255),
  name: Type.Optional(Type.String({ maxLength: 255 })),
  enabled: Type.Optional(enabled),
});
const updateBody = wrapped(
  'service',
  {
    type: Type.Optional(nameOf(255)),
    name: Type.Optional(Type.String({ maxLength: 255 })),
    enabled: Type.Optional(enabled),
  },
  { minProperties: 1 },
);

export function serviceRoutes(k: Keystone): Route[] {
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
    return (await findService(k.db, id)) ?? notFound('service', id);
  }
  return [
    route('GET', '/v3/services', {
      policy: 'identity:list_services',
      async handler(request) {
        const rows = await listServices(k.db, {
          type: queryValue(request, 'type'),
          name: queryValue(request, 'name'),
        });
        return listed(
          request,
          'services',
          rows.map((row) => view(request, row)),
          ['type', 'name'],
        );
      },
    }),
    route<Static<typeof createBody>>('POST', '/v3/services', {
      policy: 'identity:create_service',
      body: createBody,
      async handler(request) {
        const { service } = request.body;
        const row: ServiceRow = {
          id: k.ids.hex(),
          type: service.type,
          name: service.name ?? '',
          enabled: Number(service.enabled ?? true),
          extra: extraOf(service, columns),
        };
        await insertService(k.db, row);
        return created('service', view(request, row));
      },
    }),
    showRoute('/v3/services/:service_id', 'identity:get_service', 'service', find, view),
    route<Static<typeof updateBody>>('PATCH', '/v3/services/:service_id', {
      policy: 'identity:update_service',
      body: updateBody,
      faults: ['notFound'],
      async handler(request) {
        const { service } = request.body;
        const row = await find(request);
        if (isFault(row)) return row;
        const changes = {
          type: service.type ?? row.type,
          name: service.name ?? row.name,
          enabled: Number(service.enabled ?? row.enabled),
          extra: extraOf(service, columns, row.extra),
        };
        await updateService(k.db, row.id, changes);
        return shown('service', view(request, { ...row, ...changes }));
      },
    }),
    deleteRoute(
      '/v3/services/:service_id',
      'identity:delete_service',
      find,
      async (row) => await deleteService(k.db, row.id),
    ),
  ];
}
