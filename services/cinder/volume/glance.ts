// cinder-volume's calls to Glance with Cinder's own identity: download and upload of image data.
import { createReadStream, createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import type { Fault, Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { ClientDeps } from '#openstack/clients/call.ts';
import { refusedStatus } from '#openstack/clients/call.ts';
import type { Glance } from '#openstack/clients/glance.ts';
import { glanceClient } from '#openstack/clients/glance.ts';

const timeoutMs = 15_000;

const clientFor = (deps: ClientDeps, requestId: string): Glance =>
  glanceClient(deps, { token: null, requestId }, { timeoutMs });

export interface ImageState {
  status: string;
  diskFormat: string;
}

/** Reads the status and disk format of an image from Glance. notFound: there is no such image. */
export async function imageState(
  deps: ClientDeps,
  imageId: string,
  requestId: string,
): Promise<Outcome<ImageState>> {
  const image = await clientFor(deps, requestId).image(imageId);
  if (isFault(image))
    return refusedStatus(image) === undefined
      ? image
      : fault('notFound', `Image ${imageId} could not be found.`);
  return { status: image.status, diskFormat: image.disk_format ?? 'raw' };
}

/** Writes the image's data into a new file. unavailable: the download was interrupted. */
export async function downloadImage(
  deps: ClientDeps,
  imageId: string,
  path: string,
  options: { requestId: string; signal: AbortSignal; timeoutMs: number },
): Promise<Outcome<void>> {
  const bytes = await clientFor(deps, options.requestId).download(imageId, options);
  if (isFault(bytes)) return refusal(bytes, `give the data of image ${imageId}`);
  try {
    await pipeline(bytes, createWriteStream(path, { flags: 'w' }), { signal: options.signal });
  } catch (error) {
    const full = error instanceof Error && 'code' in error && error.code === 'ENOSPC';
    return full
      ? fault('overQuota', 'There is not enough room for the image on its way.')
      : fault('unavailable', `The image ${imageId} broke off: ${String(error)}`);
  }
  return undefined;
}

/** Uploads an image's data. Succeeds if the image has its data already. */
export async function uploadImage(
  deps: ClientDeps,
  imageId: string,
  path: string,
  options: { requestId: string; timeoutMs: number },
): Promise<Outcome<void>> {
  const image = await imageState(deps, imageId, options.requestId);
  if (isFault(image)) return image;
  if (image.status === 'active') return undefined;
  const bytes = createReadStream(path).on('error', () => undefined); // the upload reports it
  const uploaded = await clientFor(deps, options.requestId).upload(imageId, bytes, options);
  return isFault(uploaded) ? refusal(uploaded, `take the data of image ${imageId}`) : undefined;
}

/** Translates a refusal by Glance; a fault of the connection to Glance is passed on. */
function refusal(answer: Fault, what: string): Fault {
  const status = refusedStatus(answer);
  return status === undefined
    ? answer
    : fault(status >= 500 ? 'unavailable' : 'badRequest', `Glance does not ${what}: ${status}.`);
}

/**
 * Deletes the image. Succeeds if it does not exist, and if its owner has protected it: then it
 * stays without data.
 */
export async function removeImage(
  deps: ClientDeps,
  imageId: string,
  requestId: string,
): Promise<Outcome<void>> {
  const deletion = await clientFor(deps, requestId).deleteImage(imageId);
  if (!isFault(deletion)) return undefined;
  const status = refusedStatus(deletion);
  if (status === undefined) return deletion;
  return status < 500 && status !== 401
    ? undefined
    : fault('unavailable', `Glance keeps the image ${imageId}: ${status}.`);
}
