// /v3/OS-OAUTH1/consumers: registered OAuth consumers. Request and access tokens of OAuth are not
// implemented.
import { Type, type Static } from 'typebox';
import { isFault, type Outcome } from '#contracts/common/fault.ts';
import type { JsonObject } from '#contracts/common/json.ts';
import { route, type ApiRequest, type Route } from '#openstack/http/route.ts';
import {
  deleteConsumer,
  findConsumer,
  insertConsumer,
  listConsumers,
  updateConsumer,
} from '../store/consumers.ts';
import type { ConsumerRow } from '../store/tables.ts';
import { extraOf, parsed, text, wrapped } from './bodies.ts';
import type { Keystone } from './keystone.ts';
import { notFound } from './permit.ts';
import { created, noContent, listed, shown, urlOf } from './replies.ts';

const body = wrapped('consumer', { description: Type.Optional(text) });
const columns = ['id', 'description', 'secret'];
const base = '/v3/OS-OAUTH1/consumers';

export function consumerRoutes(k: Keystone): Route[] {
  const view = (request: ApiRequest<unknown>, row: ConsumerRow): JsonObject => ({
    ...parsed(row.extra),
    id: row.id,
    description: row.description,
    links: { self: urlOf(request, `OS-OAUTH1/consumers/${row.id}`) },
  });
  async function find(request: ApiRequest<unknown>): Promise<Outcome<ConsumerRow>> {
    const id = request.params['consumer_id'] ?? '';
    return (await findConsumer(k.db, id)) ?? notFound('consumer', id);
  }
  return [
    route('GET', base, {
      policy: 'identity:list_consumers',
      handler: async (request) =>
        listed(
          request,
          'consumers',
          (await listConsumers(k.db)).map((row) => view(request, row)),
        ),
    }),
    route<Static<typeof body>>('POST', base, {
      policy: 'identity:create_consumer',
      body,
      async handler(request) {
        const { consumer } = request.body;
        const row: ConsumerRow = {
          id: k.ids.hex(),
          description: consumer.description ?? null,
          secret: k.ids.hex(),
          extra: extraOf(consumer, columns),
        };
        await insertConsumer(k.db, row);
        // the only response that shows the secret
        return created('consumer', { ...view(request, row), secret: row.secret });
      },
    }),
    route('GET', `${base}/:consumer_id`, {
      policy: 'identity:get_consumer',
      faults: ['notFound'],
      async handler(request) {
        const row = await find(request);
        return isFault(row) ? row : shown('consumer', view(request, row));
      },
    }),
    route<Static<typeof body>>('PATCH', `${base}/:consumer_id`, {
      policy: 'identity:update_consumer',
      body,
      faults: ['notFound'],
      async handler(request) {
        const { consumer } = request.body;
        const row = await find(request);
        if (isFault(row)) return row;
        const changes = {
          description: consumer.description === undefined ? row.description : consumer.description,
          extra: extraOf(consumer, columns, row.extra),
        };
        await updateConsumer(k.db, row.id, changes);
        return shown('consumer', view(request, { ...row, ...changes }));
      },
    }),
    route('DELETE', `${base}/:consumer_id`, {
      policy: 'identity:delete_consumer',
      faults: ['notFound'],
      async handler(request) {
        const row = await find(request);
        if (isFault(row)) return row;
        await deleteConsumer(k.db, row.id);
        return noContent;
      },
    }),
  ];
}
