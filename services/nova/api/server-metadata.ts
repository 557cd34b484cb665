// A server's metadata: a small map the tenant keeps with it.
import Type from 'typebox';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import { transaction } from '#platform/db/transaction.ts';
import type { NovaDeps } from '../deps.ts';
import { unlimited } from '../domain/quota.ts';
import { metadataOf } from '../domain/server-row.ts';
import { quotaLimits } from '../store/quotas.ts';
import { changeServer, findServer, lockServer } from '../store/servers.ts';
import { requestedServer } from './request.ts';
import { metadataSchema } from './servers/create-schema.ts';

type Metadata = Record<string, string>;
export const metadataBody = Type.Object(
  { metadata: metadataSchema },
  { additionalProperties: false },
);
export const metadataItemBody = Type.Object(
  {
    meta: Type.Record(
      Type.String({ pattern: '^[a-zA-Z0-9-_:. ]{1,255}$' }),
      Type.String({ maxLength: 255 }),
      { additionalProperties: false, minProperties: 1, maxProperties: 1 },
    ),
  },
  { additionalProperties: false },
);
const path = '/v2.1/servers/:id/metadata';
const policy = (name: string): string => `os_compute_api:server-metadata:${name}`;

export function metadataRoutes(deps: NovaDeps): readonly Route[] {
  const {
    database: { db },
    clock,
  } = deps;

  /** Reads, changes and writes in one transaction, so that two changes never lose one another. */
  async function change(
    request: Parameters<typeof requestedServer>[1],
    next: (now: Metadata) => Outcome<Metadata>,
  ): Promise<Outcome<Metadata>> {
    const server = await requestedServer(deps, request);
    if (isFault(server)) return server;
    return await transaction(db, async (trx) => {
      await lockServer(trx, server.id);
      const current = await findServer(trx, server.id, null);
      if (!current) return fault('notFound', `Instance ${server.id} could not be found.`);
      const metadata = next(metadataOf(current));
      if (isFault(metadata)) return metadata;
      const { metadata_items: limit } = await quotaLimits(trx, server.project_id);
      if (limit !== unlimited && Object.keys(metadata).length > limit)
        return fault('overQuota', `Maximum number of metadata items exceeds ${limit}`);
      await changeServer(trx, server.id, { metadata: JSON.stringify(metadata) }, clock.now());
      return metadata;
    });
  }

  const faults = ['notFound', 'overQuota', 'conflict'] as const;
  return [
    route({
      method: 'GET',
      path,
      policy: policy('index'),
      faults: ['notFound'],
      handler: async (request) => {
        const server = await requestedServer(deps, request);
        return isFault(server) ? server : { status: 200, body: { metadata: metadataOf(server) } };
      },
    }),
    route<{ metadata: Metadata }>({
      method: 'POST',
      path,
      policy: policy('create'),
      body: metadataBody,
      faults,
      handler: async (request) => {
        const metadata = await change(request, (now) => ({ ...now, ...request.body.metadata }));
        return isFault(metadata) ? metadata : { status: 200, body: { metadata } };
      },
    }),
    route<{ metadata: Metadata }>({
      method: 'PUT',
      path,
      policy: policy('update_all'),
      body: metadataBody,
      faults,
      handler: async (request) => {
        const metadata = await change(request, () => request.body.metadata);
        return isFault(metadata) ? metadata : { status: 200, body: { metadata } };
      },
    }),
    route({
      method: 'GET',
      path: `${path}/:key`,
      policy: policy('show'),
      faults: ['notFound'],
      handler: async (request) => {
        const server = await requestedServer(deps, request);
        if (isFault(server)) return server;
        const key = request.params['key'] ?? '';
        const all = metadataOf(server);
        return Object.hasOwn(all, key)
          ? { status: 200, body: { meta: { [key]: all[key] } } }
          : fault('notFound', 'Metadata item was not found');
      },
    }),
    route<{ meta: Metadata }>({
      method: 'PUT',
      path: `${path}/:key`,
      policy: policy('update'),
      body: metadataItemBody,
      faults,
      handler: async (request) => {
        const key = request.params['key'] ?? '';
        const value = Object.hasOwn(request.body.meta, key) ? request.body.meta[key] : undefined;
        if (value === undefined) return fault('badRequest', 'Request body and URI mismatch');
        const metadata = await change(request, (now) => ({ ...now, [key]: value }));
        return isFault(metadata) ? metadata : { status: 200, body: { meta: { [key]: value } } };
      },
    }),
    route({
      method: 'DELETE',
      path: `${path}/:key`,
      policy: policy('delete'),
      faults,
      handler: async (request) => {
        const key = request.params['key'] ?? '';
        const metadata = await change(request, (now) => {
          if (!Object.hasOwn(now, key)) return fault('notFound', 'Metadata item was not found');
          const { [key]: _gone, ...rest } = now;
          return rest;
        });
        return isFault(metadata) ? metadata : { status: 204 };
      },
    }),
  ];
}
