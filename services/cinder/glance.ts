// What Cinder asks Glance: facts in the caller's name, so that Glance decides who may see an image;
// bytes in its own.
import { createReadStream, createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Json, JsonObject } from '#contracts/common/json.ts';
import type { CinderDeps } from './deps.ts';
import type { SourceImage } from './domain/volume-source.ts';

type Deps = Pick<CinderDeps, 'http' | 'session'>;
export interface Caller {
  token: string;
  requestId: string;
}

// Glance's own fields: everything else at the top level of an image is a property.
const ownFields = new Set([
  'id',
  'name',
  'status',
  'visibility',
  'protected',
  'owner',
  'size',
  'virtual_size',
  'checksum',
  'os_hash_algo',
  'os_hash_value',
  'os_hidden',
  'disk_format',
  'container_format',
  'min_disk',
  'min_ram',
  'created_at',
  'updated_at',
  'tags',
  'self',
  'file',
  'schema',
  'stores',
  'direct_url',
  'locations',
]);
const timeoutMs = 15_000;

function imageFrom(body: Record<string, unknown>): SourceImage {
  const number = (name: string): number => (typeof body[name] === 'number' ? body[name] : 0);
  const text = (name: string): string | null =>
    typeof body[name] === 'string' ? body[name] : null;
  return {
    id: text('id') ?? '',
    name: text('name'),
    status: text('status') ?? '',
    diskFormat: text('disk_format') ?? 'raw',
    containerFormat: text('container_format') ?? 'bare',
    sizeBytes: number('size'),
    virtualSizeBytes: typeof body['virtual_size'] === 'number' ? body['virtual_size'] : null,
    minDiskGib: number('min_disk'),
    minMemoryMib: number('min_ram'),
    checksum: text('checksum'),
    properties: Object.fromEntries(
      Object.entries(body).flatMap(([name, value]) =>
        ownFields.has(name) || typeof value !== 'string' ? [] : [[name, value]],
      ),
    ),
  };
}

/** `caller` null: Cinder itself. notFound: there is no such image for this caller. */
export async function fetchImage(
  { http, session }: Deps,
  imageId: string,
  caller: Caller | { requestId: string },
): Promise<Outcome<SourceImage>> {
  const own = await session.token();
  if (isFault(own)) return own;
  const who = 'token' in caller ? { token: caller.token, serviceToken: own } : { token: own };
  const answer = await http.send({
    method: 'GET',
    service: 'image',
    path: `/v2/images/${encodeURIComponent(imageId)}`,
    ...who,
    requestId: caller.requestId,
    timeoutMs,
  });
  if (isFault(answer)) return answer;
  if (answer.status !== 200) return fault('notFound', `Image ${imageId} could not be found.`);
  return imageFrom(answer.body as Record<string, unknown>); // 200: Glance's image document
}

/** Writes the image into a new file. unavailable: Glance broke off. */
export async function downloadImage(
  { http, session }: Deps,
  imageId: string,
  path: string,
  options: { requestId: string; signal: AbortSignal; timeoutMs: number },
): Promise<Outcome<void>> {
  const token = await session.token();
  if (isFault(token)) return token;
  const answer = await http.send({
    method: 'GET',
    service: 'image',
    path: `/v2/images/${encodeURIComponent(imageId)}/file`,
    token,
    requestId: options.requestId,
    asStream: true,
    timeoutMs: options.timeoutMs,
  });
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

/**
 * A new image of the caller's, without data yet. Glance's refusal comes as badRequest, forbidden or
 * overQuota.
 */
export async function createImage(
  { http, session }: Deps,
  image: JsonObject,
  caller: Caller,
): Promise<Outcome<SourceImage>> {
  const serviceToken = await session.token();
  if (isFault(serviceToken)) return serviceToken;
  const answer = await http.send({
    method: 'POST',
    service: 'image',
    path: '/v2/images',
    token: caller.token,
    serviceToken,
    requestId: caller.requestId,
    body: image as Json,
    timeoutMs,
  });
  if (isFault(answer)) return answer;
  // 201: Glance's image document
  if (answer.status === 201) return imageFrom(answer.body as Record<string, unknown>);
  const kinds = { 400: 'badRequest', 403: 'forbidden', 413: 'overQuota' } as const;
  return fault(
    kinds[answer.status as keyof typeof kinds] ?? 'unavailable',
    `Glance does not take the image: ${answer.status} ${JSON.stringify(answer.body ?? '').slice(0, 300)}`,
  );
}

/** Gives an image its data. An image that has it already is fine. */
export async function uploadImage(
  deps: Deps,
  imageId: string,
  path: string,
  options: { requestId: string; timeoutMs: number },
): Promise<Outcome<void>> {
  const image = await fetchImage(deps, imageId, options);
  if (isFault(image)) return image;
  if (image.status === 'active') return undefined;
  const token = await deps.session.token();
  if (isFault(token)) return token;
  const answer = await deps.http.send({
    method: 'PUT',
    service: 'image',
    path: `/v2/images/${encodeURIComponent(imageId)}/file`,
    token,
    requestId: options.requestId,
    headers: { 'content-type': 'application/octet-stream' },
    stream: createReadStream(path),
    timeoutMs: options.timeoutMs,
  });
  if (isFault(answer)) return answer;
  return answer.status === 204
    ? undefined
    : fault(
        answer.status >= 500 ? 'unavailable' : 'badRequest',
        `Glance does not take the data of image ${imageId}: ${answer.status}.`,
      );
}

/** Gone already is fine, and so is one that its owner protected: it stays theirs, without data. */
export async function removeImage(
  { http, session }: Deps,
  imageId: string,
  requestId: string,
): Promise<Outcome<void>> {
  const token = await session.token();
  if (isFault(token)) return token;
  const answer = await http.send({
    method: 'DELETE',
    service: 'image',
    path: `/v2/images/${encodeURIComponent(imageId)}`,
    token,
    requestId,
    timeoutMs,
  });
  if (isFault(answer)) return answer;
  return answer.status < 500 && answer.status !== 401
    ? undefined
    : fault('unavailable', `Glance keeps the image ${imageId}: ${answer.status}.`);
}
