// Removes the volumes, snapshots and the image that a request created at other services and did not
// commit. Called by RPC from the request itself when it fails (api/servers/pending-resources.ts),
// and by the task nova.remove-abandoned-resources for requests whose process died.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import { glanceClient } from '#openstack/clients/glance.ts';
import type { NovaDeps } from '../deps.ts';
import { pendingKey } from '../domain/pending-key.ts';
import { abandonPending, deletePending } from '../store/pending-resources.ts';
import { ownCinder } from './connect-volumes.ts';

const unfinished: ReadonlySet<string> = new Set(['creating', 'downloading']);
const removable: ReadonlySet<string> = new Set(['available', 'error']);

/**
 * Marks what is not committed as abandoned and removes it. A fault: something cannot be removed
 * yet. Idempotent, and safe to run concurrently.
 */
export async function removeAbandoned(deps: NovaDeps, id: string): Promise<Outcome<void>> {
  const { db } = deps.database;
  const { log } = deps;
  const row = await abandonPending(db, id);
  if (!row) return undefined;
  const { parts, committed_parts, image_id, request_id: requestId } = row;
  if (image_id !== null && committed_parts === 0) {
    const deletedImage = await glanceClient(deps, { token: null, requestId }).deleteImage(image_id);
    if (isFault(deletedImage)) return deletedImage;
  }
  for (let part = committed_parts; part < parts; part += 1) {
    const removal = await removePart(deps, pendingKey(id, part), requestId);
    if (isFault(removal)) return removal;
  }
  await deletePending(db, id);
  log.info({ pending: id, req: requestId }, 'resources of a failed request removed');
  return undefined;
}

async function removePart(
  deps: NovaDeps,
  key: Readonly<Record<string, string>>,
  requestId: string,
): Promise<Outcome<void>> {
  const cinder = ownCinder(deps, { requestId });
  for (const [kind, remove] of [
    ['snapshots', cinder.deleteSnapshot],
    ['volumes', cinder.deleteVolume],
  ] as const) {
    const created = await cinder.withMetadata(kind, key);
    if (isFault(created)) return created;
    for (const { id, status } of created) {
      // Cinder refuses to delete what it is still creating; the caller tries again later.
      if (unfinished.has(status)) return fault('conflict', `${id} is ${status}`);
      const deletion = removable.has(status) ? await remove(id) : undefined;
      if (isFault(deletion) && deletion.kind !== 'badRequest') return deletion;
      // Cinder refuses to delete it, or its status shows that it is in use meanwhile: left to its
      // owner, who can see it.
      if (deletion || !(removable.has(status) || status === 'deleting'))
        deps.log.warn(
          { id, status, req: requestId, why: deletion?.message },
          'resource of a failed request is left to its owner',
        );
    }
  }
  return undefined;
}
