// /v3/OS-OAUTH1/consumers: registered OAuth consumers. Their request and access tokens are not part
// of this service.
import { Type, type Static } from 'typebox';
import { isFault, type Outcome } from '#contracts/common/fault.ts';
import type { JsonObject } from '#contracts/common/json.ts';
import { route, type ApiRequest, type Route } from '#openstack/http/route.ts';
import type { KeystoneTables } from '../store/tables.ts';
import type { Keystone } from './keystone.ts';
import { notFound } from './permit.ts';
import { created, done, extraOf, listed, parsed, shown, text, urlOf, wrapped } from './shapes.ts';

type ConsumerRow = KeystoneTables['consumer'];

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
    return (
      (await k.db.selectFrom('consumer').selectAll().where('id', '=', id).executeTakeFirst()) ??
      notFound('consumer', id)
    );
  }
  return [
    route({
      method: 'GET',
      path: base,
      policy: 'identity:list_consumers',
      handler: async (request) =>
        listed(
          request,
          'consumers',
          (await k.db.selectFrom('consumer').selectAll().orderBy('id').execute()).map((row) =>
            view(request, row),
          ),
        ),
    }),
    route<Static<typeof body>>({
      method: 'POST',
      path: base,
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
        await k.db.insertInto('consumer').values(row).execute();
        // shown this once
        return created('consumer', { ...view(request, row), secret: row.secret });
      },
    }),
    route({
      method: 'GET',
      path: `${base}/:consumer_id`,
      policy: 'identity:get_consumer',
      faults: ['notFound'],
      async handler(request) {
        const row = await find(request);
        return isFault(row) ? row : shown('consumer', view(request, row));
      },
    }),
    route<Static<typeof body>>({
      method: 'PATCH',
      path: `${base}/:consumer_id`,
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
        await k.db.updateTable('consumer').set(changes).where('id', '=', row.id).execute();
        return shown('consumer', view(request, { ...row, ...changes }));
      },
    }),
    route({
      method: 'DELETE',
      path: `${base}/:consumer_id`,
      policy: 'identity:delete_consumer',
      faults: ['notFound'],
      async handler(request) {
        const row = await find(request);
        if (isFault(row)) return row;
        await k.db.deleteFrom('consumer').where('id', '=', row.id).execute();
        return done;
      },
    }),
  ];
}
