// /v3/registered_limits: the default values of unified limits.
import { Type, type Static } from 'typebox';
import { fault, isFault, type Outcome } from '#contracts/common/fault.ts';
import type { JsonObject } from '#contracts/common/json.ts';
import { route, type ApiRequest, type Route } from '#openstack/http/route.ts';
import {
  deleteRegisteredLimit,
  findRegisteredLimit,
  hasLimits,
  insertRegisteredLimits,
  listRegisteredLimits,
  updateRegisteredLimit,
} from '../store/limits.ts';
import type { RegisteredLimitRow } from '../store/tables.ts';
import { idText, nameOf, text, wrapped } from './bodies.ts';
import type { Keystone } from './keystone.ts';
import {
  amount,
  checkPlace,
  createdOrDuplicate,
  duplicate,
  keyFilterNames,
  keyRow,
  limitList,
  nullableId,
} from './limit-key.ts';
import { notFound } from './permit.ts';
import { queryValues, noContent, listed, shown, urlOf, showRoute } from './replies.ts';

const createBody = Type.Object({ registered_limits: limitList({ default_limit: amount }) });
const updateBody = wrapped('registered_limit', {
  service_id: Type.Optional(idText),
  region_id: nullableId,
  resource_name: Type.Optional(nameOf(255)),
  default_limit: Type.Optional(amount),
  description: Type.Optional(text),
});

export function registeredLimitRoutes(k: Keystone): Route[] {
  const view = (request: ApiRequest<unknown>, row: RegisteredLimitRow): JsonObject => ({
    ...row,
    region_id: row.region_id || null,
    links: { self: urlOf(request, `registered_limits/${row.id}`) },
  });
  async function find(request: ApiRequest<unknown>): Promise<Outcome<RegisteredLimitRow>> {
    const id = request.params['limit_id'] ?? '';
    return (await findRegisteredLimit(k.db, id)) ?? notFound('registered limit', id);
  }
  return [
    route('GET', '/v3/registered_limits', {
      policy: 'identity:list_registered_limits',
      async handler(request) {
        const rows = await listRegisteredLimits(k.db, queryValues(request, keyFilterNames));
        return listed(
          request,
          'registered_limits',
          rows.map((row) => view(request, row)),
          keyFilterNames,
        );
      },
    }),
    route<Static<typeof createBody>>('POST', '/v3/registered_limits', {
      policy: 'identity:create_registered_limit',
      body: createBody,
      faults: ['conflict'],
      async handler(request) {
        const rows = request.body.registered_limits.map((input): RegisteredLimitRow => ({
          ...keyRow(k, input),
          default_limit: input.default_limit,
        }));
        for (const row of rows) {
          const wrong = await checkPlace(k, row.service_id, row.region_id);
          if (wrong) return wrong;
        }
        return createdOrDuplicate(
          await insertRegisteredLimits(k.db, rows),
          'registered_limits',
          rows.map((row) => view(request, row)),
        );
      },
    }),
    showRoute(
      '/v3/registered_limits/:limit_id',
      'identity:get_registered_limit',
      'registered_limit',
      find,
      view,
    ),
    route<Static<typeof updateBody>>('PATCH', '/v3/registered_limits/:limit_id', {
      policy: 'identity:update_registered_limit',
      body: updateBody,
      faults: ['notFound', 'conflict'],
      async handler(request) {
        const input = request.body.registered_limit;
        const row = await find(request);
        if (isFault(row)) return row;
        const changes = {
          service_id: input.service_id ?? row.service_id,
          region_id: input.region_id === undefined ? row.region_id : (input.region_id ?? ''),
          resource_name: input.resource_name ?? row.resource_name,
          default_limit: input.default_limit ?? row.default_limit,
          description: input.description === undefined ? row.description : input.description,
        };
        const wrong = await checkPlace(k, changes.service_id, changes.region_id);
        if (wrong) return wrong;
        return (await updateRegisteredLimit(k.db, row.id, changes))
          ? shown('registered_limit', view(request, { ...row, ...changes }))
          : duplicate('registered_limits');
      },
    }),
    route('DELETE', '/v3/registered_limits/:limit_id', {
      policy: 'identity:delete_registered_limit',
      faults: ['notFound'],
      async handler(request) {
        const row = await find(request);
        if (isFault(row)) return row;
        if (await hasLimits(k.db, row))
          return fault(
            'forbidden',
            `Unable to update or delete registered limit ${row.id} because there are project limits associated with it.`,
          );
        await deleteRegisteredLimit(k.db, row.id);
        return noContent;
      },
    }),
  ];
}
