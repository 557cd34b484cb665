// Resize (a move to another host with another flavor), its confirmation and revert, and cold
// migration, which is a resize to the same flavor. nova.compute.api, resize
import Type from 'typebox';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { FlavorFacts } from '#contracts/nova/facts.ts';
import { flavorOf } from '../../domain/server-row.ts';
import { findFlavor, flavorFacts } from '../../store/flavors.ts';
import { computeBinary, findService } from '../../store/hosts.ts';
import type { Server } from '../../store/servers.ts';
import { admin, member } from '../policy-rules.ts';
import { isAdmin } from '../request.ts';
import { beginResize, endResize } from '../servers/begin-move.ts';
import { diskConfigSchema } from '../servers/create-schema.ts';
import type { ServerActionRow } from './action.ts';
import { accepted } from './action.ts';

interface ResizeBody {
  flavorRef: string | number;
  'OS-DCF:diskConfig'?: 'AUTO' | 'MANUAL';
}

/** badRequest: a root disk on the host cannot be made smaller, nor removed. */
function checkDisk(server: Server, wanted: FlavorFacts): Outcome<undefined> {
  const current = flavorOf(server);
  const cannot = (why: string) =>
    fault('badRequest', `Server disk was unable to be resized because: ${why}`);
  if (server.image_id !== null && current.diskGib !== 0) {
    if (wanted.diskGib === 0) return cannot('Resize to zero disk flavor is not allowed.');
    if (wanted.diskGib < current.diskGib) return cannot('Unable to resize disk down.');
  }
  return wanted.ephemeralGib < current.ephemeralGib
    ? cannot('Unable to resize disk down.')
    : undefined;
}

export const resize: ServerActionRow = {
  key: 'resize',
  policy: { name: 'os_compute_api:servers:resize', default: member },
  faults: ['conflict', 'notFound', 'overQuota'],
  schema: Type.Object(
    {
      flavorRef: Type.Union([Type.String({ minLength: 1 }), Type.Integer()]),
      'OS-DCF:diskConfig': Type.Optional(diskConfigSchema),
    },
    { additionalProperties: false },
  ),
  handler: async (deps, request, server, value) => {
    const body = value as unknown as ResizeBody; // validated by the schema
    const flavorId = String(body.flavorRef);
    const flavor = await findFlavor(deps.database.db, flavorId, {
      projectId: request.auth.projectId,
      admin: isAdmin(request),
    });
    // A disabled flavor counts as missing, except for servers that already use it.
    if (!flavor || (flavor.disabled === 1 && flavorId !== server.flavor_id))
      return fault('badRequest', `Flavor ${flavorId} could not be found.`);
    if (flavorId === server.flavor_id)
      return fault('badRequest', 'When resizing, instances must change flavor!');
    const wanted = flavorFacts(flavor);
    const misfit = checkDisk(server, wanted);
    if (misfit) return misfit;
    const { 'OS-DCF:diskConfig': diskConfig } = body;
    const begun = await beginResize(deps, request, server, {
      flavor: wanted,
      host: null,
      ...(diskConfig !== undefined && { facts: { disk_config: diskConfig } }),
    });
    return isFault(begun) ? begun : accepted;
  },
};

export const confirmResize: ServerActionRow = {
  key: 'confirmResize',
  policy: { name: 'os_compute_api:servers:confirm_resize', default: member },
  faults: ['conflict', 'notFound'],
  handler: async (deps, request, server) =>
    (await endResize(deps, request, server, 'confirm')) ?? { status: 204 },
};

export const revertResize: ServerActionRow = {
  key: 'revertResize',
  policy: { name: 'os_compute_api:servers:revert_resize', default: member },
  faults: ['conflict', 'notFound'],
  handler: async (deps, request, server) =>
    (await endResize(deps, request, server, 'revert')) ?? accepted,
};

const hostSince = 56;

export const migrate: ServerActionRow = {
  key: 'migrate',
  policy: { name: 'os_compute_api:os-migrate-server:migrate', default: admin },
  faults: ['conflict', 'notFound'],
  schema: Type.Union([
    Type.Null(),
    Type.Object(
      {
        host: Type.Optional(
          Type.Union([Type.String({ minLength: 1, maxLength: 255 }), Type.Null()]),
        ),
      },
      { additionalProperties: false },
    ),
  ]),
  handler: async (deps, request, server, value) => {
    const body = value as { host?: string | null } | null; // validated by the schema
    if (body?.host !== undefined && request.version < hostSince)
      return fault('badRequest', 'A destination may be named from microversion 2.56 on.');
    const host = body?.host ?? null;
    const { db } = deps.database;
    if (host !== null && !(await findService(db, { host, binary: computeBinary })))
      return fault('badRequest', `Compute host ${host} could not be found.`);
    if (host !== null && host === server.host)
      return fault('badRequest', 'Cannot migrate to the host where the server exists.');
    const begun = await beginResize(deps, request, server, { flavor: null, host });
    return isFault(begun) ? begun : accepted;
  },
};
