// Uploads a copy of a guest's root disk as the data of an existing Glance image, as the agent's own
// service user.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { NovaAgentDeps } from './deps.ts';

const askTimeoutMs = 30_000;
const uploadTimeoutMs = 2 * 60 * 60_000;

/** notFound: the image was deleted, or never created. Does nothing if it has its data already. */
export async function uploadRoot(
  deps: NovaAgentDeps,
  { uuid, imageId }: { uuid: string; imageId: string },
): Promise<Outcome<null>> {
  const token = await deps.session.token();
  if (isFault(token)) return token;
  const path = `/v2/images/${imageId}`;
  const image = await deps.http.send({
    method: 'GET',
    service: 'image',
    path,
    token,
    timeoutMs: askTimeoutMs,
  });
  if (isFault(image)) return image;
  if (image.status !== 200)
    return fault(
      image.status === 404 ? 'notFound' : 'unavailable',
      `Image ${imageId}: Glance answered ${image.status}.`,
    );
  // an earlier attempt whose answer was lost
  if ((image.body as { status?: string }).status === 'active') return null;
  const copy = await deps.hypervisor.snapshotRoot(uuid);
  if (isFault(copy)) return copy;
  try {
    const uploadResult = await deps.http.send({
      method: 'PUT',
      service: 'image',
      path: `${path}/file`,
      token,
      headers: {
        'content-type': 'application/octet-stream',
        'content-length': String(copy.sizeBytes),
      },
      stream: copy.open(),
      timeoutMs: uploadTimeoutMs,
    });
    if (isFault(uploadResult)) return uploadResult;
    if (uploadResult.status === 204) return null;
    return fault(
      uploadResult.status === 404 || uploadResult.status === 410
        ? 'notFound'
        : uploadResult.status === 413
          ? 'tooLarge'
          : uploadResult.status === 409
            ? 'conflict'
            : uploadResult.status === 415
              ? 'badRequest'
              : 'unavailable',
      `Image ${imageId}: Glance answered ${uploadResult.status} to the upload.`,
    );
  } finally {
    await copy.remove();
  }
}
