// Uploads a copy of a guest's root disk as the data of an image that Glance has already, in the
// agent's own name.
import type { FaultKind, Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import { itself, refusedStatus } from '#openstack/clients/call.ts';
import { glanceClient } from '#openstack/clients/glance.ts';
import type { NovaAgentDeps } from './deps.ts';

const uploadTimeoutMs = 2 * 60 * 60_000;

const uploadFaults: Readonly<Record<number, FaultKind>> = {
  404: 'notFound',
  409: 'conflict',
  410: 'notFound',
  413: 'tooLarge',
  415: 'badRequest',
};

/** notFound: there is no such image (any more). Data that is there already is fine. */
export async function uploadRoot(
  deps: NovaAgentDeps,
  { uuid, imageId }: { uuid: string; imageId: string },
): Promise<Outcome<null>> {
  const glance = glanceClient(deps, itself);
  const image = await glance.image(imageId);
  if (isFault(image)) {
    const status = refusedStatus(image);
    return status === undefined
      ? image
      : fault(
          status === 404 ? 'notFound' : 'unavailable',
          `Image ${imageId}: Glance answered ${status}.`,
        );
  }
  if (image.status === 'active') return null; // an earlier try whose answer was lost
  const copy = await deps.hypervisor.snapshotRoot(uuid);
  if (isFault(copy)) return copy;
  try {
    const uploaded = await glance.upload(imageId, copy.open(), {
      sizeBytes: copy.sizeBytes,
      timeoutMs: uploadTimeoutMs,
    });
    if (!isFault(uploaded)) return null;
    const status = refusedStatus(uploaded);
    return status === undefined
      ? uploaded
      : fault(
          uploadFaults[status] ?? 'unavailable',
          `Image ${imageId}: Glance answered ${status} to the upload.`,
        );
  } finally {
    await copy.remove();
  }
}
