// Uploads a copy of a guest's root disk as the data of an existing Glance image, with the agent's
// own service user.
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

/**
 * Uploads a copy of the guest's root disk as the data of the image. notFound: the image does not
 * exist (any more). Succeeds if the image has its data already.
 */
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
  if (image.status === 'active') return null; // uploaded by an earlier try
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
