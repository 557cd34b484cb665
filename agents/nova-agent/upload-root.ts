// Uploads a copy of a guest's root disk as the data of an image that Glance knows already, in the
// agent's own name.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { NovaAgentDeps } from './deps.ts';

const askTimeoutMs = 30_000;
const uploadTimeoutMs = 2 * 60 * 60_000;

/** notFound: the image is gone, or was never made. Data that is there already is fine. */
export async function uploadRoot(
  deps: NovaAgentDeps,
  { uuid, imageId }: { uuid: string; imageId: string },
): Promise<Outcome<null>> {
  const token = await deps.session.token();
  if (isFault(token)) return token;
  const path = `/v2/images/${imageId}`;
  const known = await deps.http.send({
    method: 'GET',
    service: 'image',
    path,
    token,
    timeoutMs: askTimeoutMs,
  });
  if (isFault(known)) return known;
  if (known.status !== 200)
    return fault(
      known.status === 404 ? 'notFound' : 'unavailable',
      `Image ${imageId}: Glance answered ${known.status}.`,
    );
  // an earlier try whose answer was lost
  if ((known.body as { status?: string }).status === 'active') return null;
  const copy = await deps.hypervisor.snapshotRoot(uuid);
  if (isFault(copy)) return copy;
  try {
    const sent = await deps.http.send({
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
    if (isFault(sent)) return sent;
    if (sent.status === 204) return null;
    return fault(
      sent.status === 404 || sent.status === 410
        ? 'notFound'
        : sent.status === 413
          ? 'tooLarge'
          : sent.status === 409
            ? 'conflict'
            : sent.status === 415
              ? 'badRequest'
              : 'unavailable',
      `Image ${imageId}: Glance answered ${sent.status} to the upload.`,
    );
  } finally {
    await copy.remove();
  }
}
