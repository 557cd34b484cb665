// Rebuild: recreates the root disk from the same or another image; id, flavor, ports and host stay.
import Type from 'typebox';
import type { TSchema } from 'typebox';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Outcome } from '#contracts/common/fault.ts';
import type { JsonObject } from '#contracts/common/json.ts';
import type { VmState } from '#contracts/nova/server-states.ts';
import { cinderClient } from '#openstack/clients/cinder.ts';
import type { ApiRequest } from '#openstack/http/route.ts';
import type { NovaDeps } from '../../deps.ts';
import { checkFit } from '../../domain/plan-server-create.ts';
import { flavorOf } from '../../domain/server-row.ts';
import { shortIpv6 } from '../../domain/short-ipv6.ts';
import { findKeypair } from '../../store/keypairs.ts';
import type { Server } from '../../store/servers.ts';
import { findServer } from '../../store/servers.ts';
import type { ServerChange } from '../../store/servers.ts';
import { volumesOf } from '../../store/volumes.ts';
import { fetchImageFacts } from '../image-facts.ts';
import { member } from '../policy-rules.ts';
import { callerOf } from '../request.ts';
import { beginChange } from '../servers/begin.ts';
import {
  accessV4Schema,
  accessV6Schema,
  adminPassSchema,
  base64Schema,
  descriptionSchema,
  diskConfigSchema,
  fqdnSchema,
  metadataSchema,
  nameSchema,
  personalitySchema,
} from '../servers/create-schema.ts';
import { viewContext } from '../views/context.ts';
import { serverView } from '../views/server.ts';
import type { ServerActionRow } from './action.ts';

interface RebuildBody {
  imageRef: string;
  name?: string;
  adminPass?: string;
  metadata?: Record<string, string>;
  personality?: { path: string; contents: string }[];
  accessIPv4?: string | null;
  accessIPv6?: string | null;
  'OS-DCF:diskConfig'?: 'AUTO' | 'MANUAL';
  description?: string | null;
  key_name?: string | null;
  user_data?: string | null;
  hostname?: string;
}

const versioned: readonly { name: string; since: number; schema: TSchema }[] = [
  { name: 'description', since: 19, schema: descriptionSchema },
  {
    name: 'key_name',
    since: 54,
    schema: Type.Union([Type.String({ minLength: 1, maxLength: 255 }), Type.Null()]),
  },
  { name: 'user_data', since: 57, schema: Type.Union([base64Schema, Type.Null()]) },
  { name: 'trusted_image_certificates', since: 63, schema: Type.Any() },
  { name: 'hostname', since: 90, schema: fqdnSchema },
];

/**
 * badRequest: the server boots from a volume and `imageId` is not the image of that volume. A
 * rebuild does not replace the volume. nova.compute.api, rebuild
 */
async function rootVolumeIsOf(
  deps: NovaDeps,
  request: ApiRequest,
  server: Server,
  imageId: string,
): Promise<Outcome<undefined>> {
  const root =
    server.image_id === null
      ? (await volumesOf(deps.database.db, server.id)).find((row) => row.boot_index === 0)
      : undefined;
  if (!root) return undefined;
  const volume = await cinderClient(deps, callerOf(request)).volume(root.volume_id);
  if (isFault(volume)) return volume;
  return volume.volume_image_metadata?.['image_id'] === imageId
    ? undefined
    : fault('badRequest', 'Unable to rebuild with a different image for a volume-backed server.');
}

const from: readonly VmState[] = ['active', 'stopped', 'error'];

export const rebuild: ServerActionRow = {
  key: 'rebuild',
  policy: { name: 'os_compute_api:servers:rebuild', default: member },
  begins: { rebuild: from },
  faults: ['conflict', 'notFound'],
  schema: Type.Object(
    {
      imageRef: Type.String({ minLength: 1, maxLength: 255 }),
      name: Type.Optional(nameSchema),
      adminPass: Type.Optional(adminPassSchema),
      metadata: Type.Optional(metadataSchema),
      personality: Type.Optional(personalitySchema),
      preserve_ephemeral: Type.Optional(Type.Union([Type.Boolean(), Type.String()])),
      accessIPv4: Type.Optional(accessV4Schema),
      accessIPv6: Type.Optional(accessV6Schema),
      'OS-DCF:diskConfig': Type.Optional(diskConfigSchema),
      ...Object.fromEntries(versioned.map(({ name, schema }) => [name, Type.Optional(schema)])),
    },
    { additionalProperties: false },
  ),
  handler: async (deps, request, server, value) => {
    const body = value as unknown as RebuildBody; // validated by the schema
    const early = versioned.find(({ name, since }) => name in body && request.version < since);
    if (early)
      return fault(
        'badRequest',
        `Additional properties are not allowed ('${early.name}' was unexpected) in rebuild.`,
      );
    const image = await fetchImageFacts(deps, body.imageRef, callerOf(request));
    if (isFault(image)) return image;
    const other = await rootVolumeIsOf(deps, request, server, image.id);
    if (other) return other;
    const misfit = checkFit(flavorOf(server), image);
    if (misfit) return misfit;
    const adminPass = body.adminPass ?? deps.ids.bytes(9).toString('base64url');
    const facts: ServerChange = {
      ...(server.image_id === null ? {} : { image_id: image.id, image: JSON.stringify(image) }),
      admin_pass: adminPass,
    };
    if (body.name !== undefined) facts.name = body.name;
    if (body.description !== undefined) facts.description = body.description;
    if (body.metadata !== undefined) facts.metadata = JSON.stringify(body.metadata);
    if (body.personality !== undefined) facts.personality = JSON.stringify(body.personality);
    if (body.accessIPv4 !== undefined) facts.access_ip_v4 = body.accessIPv4;
    if (body.accessIPv6 !== undefined) facts.access_ip_v6 = shortIpv6(body.accessIPv6);
    if (body['OS-DCF:diskConfig'] !== undefined) facts.disk_config = body['OS-DCF:diskConfig'];
    if (body.user_data !== undefined) facts.user_data = body.user_data;
    if (body.hostname !== undefined) facts.hostname = body.hostname;
    if (body.key_name !== undefined) {
      const keypair =
        body.key_name === null
          ? null
          : await findKeypair(deps.database.db, request.auth.userId, body.key_name);
      if (keypair === undefined) return fault('badRequest', 'Invalid key_name provided.');
      Object.assign(facts, {
        key_name: keypair?.name ?? null,
        key_data: keypair?.public_key ?? null,
      });
    }
    const begun = await beginChange(deps, request, server, 'rebuild', {
      from,
      logAs: 'rebuild',
      facts,
    });
    if (isFault(begun)) return begun;
    const now = await findServer(deps.database.db, server.id, null);
    const view: JsonObject = serverView(
      now ?? server,
      await viewContext(deps, request, [now ?? server]),
      'change',
    );
    view['adminPass'] = adminPass;
    if (request.version >= 54) view['key_name'] = (now ?? server).key_name;
    if (request.version >= 57) {
      view['user_data'] = (now ?? server).user_data;
      // user_data is shown once in this answer, without the extension's prefix.
      // nova/api/openstack/compute/views/servers.py, show_user_data
      delete view['OS-EXT-SRV-ATTR:user_data'];
    }
    return {
      status: 202,
      headers: { location: `${request.baseUrl}/v2.1/servers/${server.id}` },
      body: { server: view },
    };
  },
};
