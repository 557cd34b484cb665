// A server's metadata: key-value pairs that the tenant stores with it.
import Type from 'typebox';
import { fault, isFault } from '#contracts/common/fault.ts';
import { metadataRoutes } from '#openstack/http/metadata-routes.ts';
import type { Route } from '#openstack/http/route.ts';
import { transaction } from '#platform/db/transaction.ts';
import type { NovaDeps } from '../deps.ts';
import { unlimited } from '../domain/quota.ts';
import { metadataOf } from '../domain/server-row.ts';
import { quotaLimits } from '../store/quotas.ts';
import { changeServer, findServer, lockServer } from '../store/servers.ts';
import { requestedServer } from './request.ts';
import { metadataSchema } from './servers/create-schema.ts';

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

export function serverMetadataRoutes(deps: NovaDeps): readonly Route[] {
  const { db } = deps.database;
  const { clock } = deps;
  return metadataRoutes({
    path: '/v2.1/servers/:id/metadata',
    policy: (name) => `os_compute_api:server-metadata:${name}`,
    body: metadataBody,
    itemBody: metadataItemBody,
    readFaults: ['notFound'],
    writeFaults: ['notFound', 'overQuota', 'conflict'],
    deletedStatus: 204,
    missing: () => fault('notFound', 'Metadata item was not found'),
    async read(request) {
      const server = await requestedServer(deps, request);
      return isFault(server) ? server : metadataOf(server);
    },
    /**
     * Reads, changes and writes the metadata in one transaction under the server's lock, so that no
     * concurrent change is lost.
     */
    async change(request, next) {
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
    },
  });
}
