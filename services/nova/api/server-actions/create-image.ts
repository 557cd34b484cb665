// createImage: an image of a server's root disk, or of snapshots of its volumes. https://docs.openstack.org/api-ref/compute/#create-image-createimage-action
import Type from 'typebox';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { ApiRequest, Reply } from '#platform/http/api.ts';
import { cinderFor } from '../../cinder.ts';
import type { NovaDeps } from '../../deps.ts';
import { diskImage, volumeImage } from '../../domain/snapshot-image.ts';
import type { TakenSnapshot } from '../../domain/snapshot-image.ts';
import { imageStates } from '../../domain/server-state.ts';
import { createImage as createGlanceImage, deleteImage, uploadNothing } from '../../glance.ts';
import type { Server } from '../../store/servers.ts';
import { volumesOf } from '../../store/volumes.ts';
import { beginImage, checkLock } from '../servers/begin.ts';
import { metadataSchema, nameSchema } from '../servers/create-schema.ts';
import type { ServerActionRow } from './action.ts';

interface Body {
  name: string;
  metadata?: Record<string, string>;
}

const bodySince = 45;

export const createImage: ServerActionRow = {
  key: 'createImage', policy: 'os_compute_api:servers:create_image', faults: ['conflict', 'notFound', 'overQuota', 'tooLarge'],
  schema: Type.Object({ name: nameSchema, metadata: Type.Optional(metadataSchema) }, { additionalProperties: false }),
  async handler(deps, request, server, value) {
    const { name, metadata = {} } = value as unknown as Body; // by the schema
    if (server.task_state !== null || !imageStates.includes(server.vm_state)) {
      return checkLock(request, server) ?? fault('conflict', `Cannot 'createImage' instance ${server.id} while it is in ${server.task_state === null ? `vm_state ${server.vm_state}` : `task_state ${server.task_state}`}`);
    }
    const made = server.image_id === null ? await ofVolumes(deps, request, server, { name, metadata }) : await ofDisk(deps, request, server, { name, metadata });
    if (isFault(made)) return made;
    const reply: Reply = { status: 202, headers: { location: `${request.baseUrl.replace(/\/compute$/, '/image')}/v2/images/${made}` } };
    return request.version < bodySince ? reply : { status: 202, body: { image_id: made } };
  },
};

async function ofDisk(deps: NovaDeps, request: ApiRequest, server: Server, { name, metadata }: Required<Body>): Promise<Outcome<string>> {
  const caller = { token: request.auth.token, requestId: request.id };
  const { body, format } = diskImage(server, name, metadata);
  const imageId = await createGlanceImage(deps, body, caller);
  if (isFault(imageId)) return imageId;
  const begun = await beginImage(deps, request, server, { imageId, format });
  if (!isFault(begun)) return imageId;
  await deleteImage(deps, imageId, caller);
  return begun;
}

/** Done when it answers: Cinder takes the snapshots by itself, and there is nothing to upload. */
async function ofVolumes(deps: NovaDeps, request: ApiRequest, server: Server, { name, metadata }: Required<Body>): Promise<Outcome<string>> {
  const locked = checkLock(request, server);
  if (locked) return locked;
  const caller = { token: request.auth.token, requestId: request.id };
  const cinder = cinderFor(deps, caller);
  const taken: TakenSnapshot[] = [];
  const undo = async (): Promise<void> => {
    for (const { snapshotId } of taken) await cinder.deleteSnapshot(snapshotId);
  };
  for (const row of await volumesOf(deps.database.db, server.id)) {
    const snapshot = await cinder.createSnapshot({ volume_id: row.volume_id, name: `snapshot for ${name}`, force: true });
    if (isFault(snapshot)) {
      await undo();
      return snapshot;
    }
    taken.push({ row, snapshotId: snapshot.id, sizeGib: snapshot.size });
  }
  const imageId = await createGlanceImage(deps, volumeImage(server, name, metadata, taken), caller);
  const filled = isFault(imageId) ? imageId : await uploadNothing(deps, imageId, caller);
  if (isFault(imageId) || isFault(filled)) {
    await undo();
    if (!isFault(imageId)) await deleteImage(deps, imageId, caller);
    return isFault(imageId) ? imageId : fault('conflict', isFault(filled) ? filled.message : '');
  }
  return imageId;
}
