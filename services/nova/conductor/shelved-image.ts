// The image that holds the root disk of a shelved server: reads it and deletes it, with Nova's own
// credentials. The image belongs to the tenant, who can delete it as well.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { GuestImage } from '#contracts/nova/guest.ts';
import { refusedStatus } from '#openstack/clients/call.ts';
import { glanceClient } from '#openstack/clients/glance.ts';
import type { AnySaga } from '#platform/saga/saga.ts';
import type { NovaDeps } from '../deps.ts';
import { defineOperation } from '../operations.ts';
import type { Server } from '../store/servers.ts';
import { changeServer, findServer } from '../store/servers.ts';

/**
 * The image as a guest's root disk; null: the root disk is a volume. notFound: the image was
 * deleted, or cannot be used.
 */
export async function shelvedDisk(
  deps: NovaDeps,
  { shelved_image_id: imageId, image_id: bootImageId }: Server,
  requestId: string,
): Promise<Outcome<GuestImage | null>> {
  if (imageId === null)
    return bootImageId === null
      ? null
      : fault('notFound', 'Unshelve attempted but there is no image of its disk.');
  const image = await glanceClient(deps, { token: null, requestId }).image(imageId);
  if (isFault(image) && refusedStatus(image) !== 404) return image;
  if (isFault(image) || image.status !== 'active')
    return fault('notFound', `Unshelve attempted but the image ${imageId} cannot be found.`);
  return {
    id: image.id,
    diskFormat: image.disk_format ?? 'qcow2',
    sizeBytes: image.size ?? 0,
    checksum: image.os_hash_value ?? '',
  };
}

/** Succeeds if the image no longer exists. */
export const deleteShelvedImage = async (
  deps: NovaDeps,
  imageId: string,
  requestId: string,
): Promise<Outcome<void>> =>
  await glanceClient(deps, { token: null, requestId }).deleteImage(imageId);

/** The saga that deletes the image after a server was unshelved. */
export function dropShelvedImage(deps: NovaDeps): AnySaga {
  const { db } = deps.database;
  return defineOperation<'nova.drop-shelved-image'>({
    name: 'nova.drop-shelved-image',
    steps: [
      {
        name: 'delete image',
        deadlineMs: 60_000,
        retries: 20,
        async run({ serverId, imageId }, _state, { requestId }) {
          const server = await findServer(db, serverId, null);
          // Kept if the server is still shelved, i.e. the unshelving before this saga failed.
          if (server?.shelved_image_id !== imageId || server.shelved_at_ms !== null) return;
          const deletion = await deleteShelvedImage(deps, imageId, requestId);
          if (isFault(deletion)) return deletion;
          await changeServer(db, serverId, { shelved_image_id: null }, deps.clock.now());
        },
      },
    ],
    failed: async ({ serverId, imageId }, _state, reason, { requestId }) =>
      // The image is the tenant's own and visible to the tenant, who can delete it.
      deps.log.warn(
        { server: serverId, image: imageId, req: requestId, why: reason.message },
        'the image of a server that was shelved is left',
      ),
  });
}
