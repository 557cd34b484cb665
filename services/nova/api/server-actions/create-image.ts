// createImage: an image of a server's root disk, or of snapshots of its volumes.
// https://docs.openstack.org/api-ref/compute/#create-image-createimage-action
import { Readable } from 'node:stream';
import Type from 'typebox';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { NovaOperations } from '#contracts/nova/operations.ts';
import { cinderClient } from '#openstack/clients/cinder.ts';
import { glanceClient } from '#openstack/clients/glance.ts';
import type { ApiRequest, Reply } from '#openstack/http/route.ts';
import { transaction } from '#platform/db/transaction.ts';
import type { NovaDeps } from '../../deps.ts';
import { imageStates } from '../../domain/server-state.ts';
import { diskImage, volumeImage } from '../../domain/snapshot-image.ts';
import type { VolumeSnapshot } from '../../domain/snapshot-image.ts';
import type { Server } from '../../store/servers.ts';
import { volumesOf } from '../../store/volumes.ts';
import { member } from '../policy-rules.ts';
import { callerOf } from '../request.ts';
import { beginImage, checkLock, checkState } from '../servers/begin.ts';
import { metadataSchema, nameSchema } from '../servers/create-schema.ts';
import { createPendingResources } from '../servers/pending-resources.ts';
import type { ServerActionRow } from './action.ts';

interface Body {
  name: string;
  metadata?: Record<string, string>;
}

const bodySince = 45;

export const createImage: ServerActionRow = {
  key: 'createImage',
  policy: { name: 'os_compute_api:servers:create_image', default: member },
  faults: ['conflict', 'notFound', 'overQuota', 'tooLarge'],
  schema: Type.Object(
    { name: nameSchema, metadata: Type.Optional(metadataSchema) },
    { additionalProperties: false },
  ),
  async handler(deps, request, server, value) {
    const { name, metadata = {} } = value as unknown as Body; // validated by the schema
    const refusal = refuseNow(request, server, 'createImage');
    if (refusal) return refusal;
    const imageId =
      server.image_id === null
        ? await ofVolumes(deps, request, server, { name, metadata })
        : await ofDisk(deps, request, server, diskImage(server, name, metadata), null);
    return isFault(imageId) ? imageId : imageReply(request, imageId);
  },
};

/**
 * Checks that the server's state allows an image. conflict: it does not; if the server is also
 * locked, the fault names the lock. A lock alone is refused later, by `ofDisk` and `ofVolumes`.
 */
export const refuseNow = (
  request: ApiRequest,
  server: Server,
  action: string,
): Outcome<undefined> => {
  const refusal = checkState(server, imageStates, action);
  return refusal && (checkLock(request, server) ?? refusal);
};

export function imageReply(request: ApiRequest, imageId: string): Reply {
  if (request.version >= bodySince) return { status: 202, body: { image_id: imageId } };
  return {
    status: 202,
    headers: {
      location: `${request.baseUrl.replace(/\/compute$/, '/image')}/v2/images/${imageId}`,
    },
  };
}

/**
 * Creates the image at Glance and begins the saga that uploads its data. Returns the image's id.
 * `rotation`: the image is a backup; how many of its type to keep.
 */
export async function ofDisk(
  deps: NovaDeps,
  request: ApiRequest,
  server: Server,
  body: ReturnType<typeof diskImage>,
  rotation: NovaOperations['nova.create-image']['rotation'],
): Promise<Outcome<string>> {
  const caller = callerOf(request);
  const id = deps.ids.uuid();
  const pending = await createPendingResources(deps, request, { imageId: id });
  try {
    const image = await glanceClient(deps, caller).create({ ...body, id });
    const begun = isFault(image)
      ? image
      : await beginImage(deps, request, server, { imageId: image.id, rotation }, pending);
    return isFault(begun) ? begun : id;
  } finally {
    await pending.end();
  }
}

/**
 * Creates the image of a volume-backed server. It is complete when this returns: the image only
 * refers to snapshots that Cinder takes; no data is uploaded and no saga follows.
 */
async function ofVolumes(
  deps: NovaDeps,
  request: ApiRequest,
  server: Server,
  { name, metadata }: Required<Body>,
): Promise<Outcome<string>> {
  const locked = checkLock(request, server);
  if (locked) return locked;
  const { db } = deps.database;
  const { ids } = deps;
  const caller = callerOf(request);
  const cinder = cinderClient(deps, caller);
  const id = ids.uuid();
  const pending = await createPendingResources(deps, request, { imageId: id });
  try {
    const snapshots: VolumeSnapshot[] = [];
    for (const row of await volumesOf(db, server.id)) {
      const snapshot = await cinder.createSnapshot({
        volume_id: row.volume_id,
        name: `snapshot for ${name}`,
        force: true,
        metadata: pending.key(0),
      });
      if (isFault(snapshot)) return snapshot;
      snapshots.push({ row, snapshotId: snapshot.id, sizeGib: snapshot.size });
    }
    const glance = glanceClient(deps, caller);
    const image = await glance.create({ ...volumeImage(server, name, metadata, snapshots), id });
    if (isFault(image)) return image;
    // The image has no data of its own, only references to snapshots; an empty upload makes it
    // active.
    const upload = await glance.upload(image.id, Readable.from([]));
    if (isFault(upload)) return fault('conflict', upload.message);
    return (await transaction(db, async (trx) => await pending.commit(trx)))
      ? image.id
      : fault('conflict', `The image ${image.id} could not be made.`);
  } finally {
    await pending.end();
  }
}
