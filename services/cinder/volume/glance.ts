// What the sagas of cinder-volume ask Glance, as Cinder itself: bytes of images, in and out.
import { createReadStream, createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import { callService } from '#openstack/clients/call.ts';
import type { CinderDeps } from '../deps.ts';

type Deps = Pick<CinderDeps, 'http' | 'session'>;
const timeoutMs = 15_000;

export interface ImageState {
  status: string;
  diskFormat: string;
}

/** notFound: there is no such image. */
export async function imageState(
  deps: Deps,
  imageId: string,
  requestId: string,
): Promise<Outcome<ImageState>> {
  const path = `/v2/images/${encodeURIComponent(imageId)}`;
  const answer = await callService(
    deps,
    { token: null, requestId },
    {
      method: 'GET',
      service: 'image',
      path,
      timeoutMs,
    },
  );
  if (isFault(answer)) return answer;
  if (answer.status !== 200) return fault('notFound', `Image ${imageId} could not be found.`);
  const image = answer.body as Record<string, unknown>; // 200: Glance's image document
  const { status, disk_format } = image;
  return {
    status: typeof status === 'string' ? status : '',
    diskFormat: typeof disk_format === 'string' ? disk_format : 'raw',
  };
}

/** Writes the image into a new file. unavailable: Glance broke off. */
export async function downloadImage(
  deps: Deps,
  imageId: string,
  path: string,
  options: { requestId: string; signal: AbortSignal; timeoutMs: number },
): Promise<Outcome<void>> {
  const answer = await callService(
    deps,
    { token: null, requestId: options.requestId },
    {
      method: 'GET',
      service: 'image',
      path: `/v2/images/${encodeURIComponent(imageId)}/file`,
      asStream: true,
      timeoutMs: options.timeoutMs,
    },
  );
  if (isFault(answer)) return answer;
  if (answer.status !== 200 || !answer.stream) {
    answer.stream?.destroy();
    return fault(
      answer.status >= 500 ? 'unavailable' : 'badRequest',
      `Glance does not give the data of image ${imageId}: ${answer.status}.`,
    );
  }
  try {
    await pipeline(answer.stream, createWriteStream(path, { flags: 'w' }), {
      signal: options.signal,
    });
  } catch (error) {
    const full = error instanceof Error && 'code' in error && error.code === 'ENOSPC';
    return full
      ? fault('overQuota', 'There is not enough room for the image on its way.')
      : fault('unavailable', `The image ${imageId} broke off: ${String(error)}`);
  }
  return undefined;
}

/** Gives an image its data. An image that has it already is fine. */
export async function uploadImage(
  deps: Deps,
  imageId: string,
  path: string,
  options: { requestId: string; timeoutMs: number },
): Promise<Outcome<void>> {
  const image = await imageState(deps, imageId, options.requestId);
  if (isFault(image)) return image;
  if (image.status === 'active') return undefined;
  const bytes = createReadStream(path).on('error', () => undefined); // the call tells
  const answer = await callService(
    deps,
    { token: null, requestId: options.requestId },
    {
      method: 'PUT',
      service: 'image',
      path: `/v2/images/${encodeURIComponent(imageId)}/file`,
      headers: { 'content-type': 'application/octet-stream' },
      stream: bytes,
      timeoutMs: options.timeoutMs,
    },
  );
  bytes.destroy(); // of a call that was never sent
  if (isFault(answer)) return answer;
  return answer.status === 204
    ? undefined
    : fault(
        answer.status >= 500 ? 'unavailable' : 'badRequest',
        `Glance does not take the data of image ${imageId}: ${answer.status}.`,
      );
}

/**
 * One that is not there is fine, and so is one that its owner protected: it stays theirs, without
 * data.
 */
export async function removeImage(
  deps: Deps,
  imageId: string,
  requestId: string,
): Promise<Outcome<void>> {
  const answer = await callService(
    deps,
    { token: null, requestId },
    {
      method: 'DELETE',
      service: 'image',
      path: `/v2/images/${encodeURIComponent(imageId)}`,
      timeoutMs,
    },
  );
  if (isFault(answer)) return answer;
  return answer.status < 500 && answer.status !== 401
    ? undefined
    : fault('unavailable', `Glance keeps the image ${imageId}: ${answer.status}.`);
}
