// What Nova asks Glance: the facts of an image, in the caller's name, so that Glance decides who
// may see it; images made of servers; and what its own old paths of images pass on (api/images.ts).
import { Readable } from 'node:stream';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { JsonObject } from '#contracts/common/json.ts';
import type { ImageFacts } from '#contracts/nova/facts.ts';
import type { HttpAnswer, HttpCall } from '#openstack/http/client.ts';
import type { NovaDeps } from './deps.ts';

interface Caller {
  token: string;
  requestId: string;
}
type Deps = Pick<NovaDeps, 'http' | 'session'>;

export type GlanceImage = Record<string, unknown> & {
  id: string;
  name: string | null;
  status: string;
  disk_format: string | null;
  size: number | null;
  os_hash_value: string | null;
  min_disk: number;
  min_ram: number;
  created_at: string;
  updated_at: string;
};

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

export function propertiesOf(image: GlanceImage): Record<string, string> {
  return Object.fromEntries(
    Object.entries(image).filter(
      (entry): entry is [string, string] =>
        !ownFields.has(entry[0]) && typeof entry[1] === 'string',
    ),
  );
}
export const isOwnField = (name: string): boolean => ownFields.has(name);

/** badRequest: there is no such image for this caller, or it is not active. */
export async function fetchImageFacts(
  deps: Deps,
  imageId: string,
  caller: Caller,
): Promise<Outcome<ImageFacts>> {
  const image = await fetchImage(deps, imageId, caller);
  if (isFault(image)) return image;
  const properties = propertiesOf(image);
  const parts = await fetchKernel(deps, properties, caller);
  if (isFault(parts)) return parts;
  return {
    id: image.id,
    name: image.name ?? '',
    diskFormat: image.disk_format ?? 'raw',
    sizeBytes: image.size ?? 0,
    checksum: image.os_hash_value ?? '',
    minDiskGib: image.min_disk,
    minMemoryMib: image.min_ram,
    ...parts,
    properties,
  };
}

/**
 * What Cinder keeps with a volume of the image it was made from, beside the image's properties.
 * cinder.image.glance, volume_image_metadata
 */
const cinderFields = new Set([
  'image_id',
  'image_name',
  'checksum',
  'container_format',
  'disk_format',
  'min_disk',
  'min_ram',
  'size',
  'signature_verified',
]);

/** The image of which a volume is a copy. badRequest: its kernel is not there for this caller. */
export async function imageFactsOfVolume(
  deps: Deps,
  metadata: Readonly<Record<string, string>>,
  caller: Caller,
): Promise<Outcome<ImageFacts>> {
  const properties = Object.fromEntries(
    Object.entries(metadata).filter(([name]) => !cinderFields.has(name)),
  );
  const parts = await fetchKernel(deps, properties, caller);
  if (isFault(parts)) return parts;
  const number = (name: string): number => Number(metadata[name] ?? 0) || 0;
  return {
    id: metadata['image_id'] ?? '',
    name: metadata['image_name'] ?? '',
    diskFormat: metadata['disk_format'] ?? 'raw',
    sizeBytes: number('size'),
    checksum: '',
    minDiskGib: number('min_disk'),
    minMemoryMib: number('min_ram'),
    ...parts,
    properties,
  };
}

async function fetchKernel(
  deps: Deps,
  properties: Readonly<Record<string, string>>,
  caller: Caller,
): Promise<Outcome<Pick<ImageFacts, 'kernel' | 'ramdisk'>>> {
  const part = async (name: string) => {
    const id = properties[name];
    if (!id) return null;
    const found = await fetchImage(deps, id, caller);
    return isFault(found)
      ? found
      : {
          id: found.id,
          sizeBytes: found.size ?? 0,
          checksum: found.os_hash_value ?? '',
          diskFormat: found.disk_format ?? 'raw',
        };
  };
  const [kernel, ramdisk] = [await part('kernel_id'), await part('ramdisk_id')];
  if (isFault(kernel)) return kernel;
  return isFault(ramdisk) ? ramdisk : { kernel, ramdisk };
}

async function fetchImage(
  { http, session }: Deps,
  imageId: string,
  caller: Caller,
): Promise<Outcome<GlanceImage>> {
  const serviceToken = await session.token();
  if (isFault(serviceToken)) return serviceToken;
  const answer = await http.send({
    method: 'GET',
    service: 'image',
    path: `/v2/images/${encodeURIComponent(imageId)}`,
    token: caller.token,
    serviceToken,
    requestId: caller.requestId,
    timeoutMs: 15_000,
  });
  if (isFault(answer)) return answer;
  if (answer.status !== 200) return fault('badRequest', `Can not find requested image ${imageId}`);
  const image = answer.body as GlanceImage; // 200: Glance's image document
  if (image.status !== 'active') return fault('badRequest', `Image ${imageId} is not active.`);
  return image;
}

const timeoutMs = 30_000;

async function send(
  { http, session }: Deps,
  call: Omit<HttpCall, 'service' | 'token'>,
  { token, requestId }: { token: string | null; requestId: string },
): Promise<Outcome<HttpAnswer>> {
  const own = await session.token();
  if (isFault(own)) return own;
  return await http.send({
    ...call,
    service: 'image',
    requestId,
    timeoutMs,
    ...(token === null ? { token: own } : { token, serviceToken: own }),
  });
}

const refusals = {
  400: 'badRequest',
  403: 'forbidden',
  404: 'notFound',
  409: 'conflict',
  413: 'overQuota',
} as const;
const refused = ({ status, body }: HttpAnswer) =>
  fault(
    refusals[status as keyof typeof refusals] ?? 'unavailable',
    `Glance answered ${status}: ${JSON.stringify(body ?? '').slice(0, 300)}`,
  );

/** One page. A server has not more: each backup removes what is beyond its rotation. */
const maxBackups = 1000;

/** A queued image of the caller's; answers its id. */
export async function createImage(
  deps: Deps,
  image: JsonObject,
  caller: Caller,
): Promise<Outcome<string>> {
  const answer = await send(deps, { method: 'POST', path: '/v2/images', body: image }, caller);
  if (isFault(answer)) return answer;
  // 201: the image document
  return answer.status === 201 ? (answer.body as { id: string }).id : refused(answer);
}

/** Makes an image active that has no bytes: it only names snapshots. */
export async function uploadNothing(
  deps: Deps,
  imageId: string,
  caller: Caller,
): Promise<Outcome<void>> {
  const answer = await send(
    deps,
    {
      method: 'PUT',
      path: `/v2/images/${imageId}/file`,
      headers: { 'content-type': 'application/octet-stream' },
      stream: Readable.from([]),
    },
    caller,
  );
  if (isFault(answer)) return answer;
  return answer.status === 204 ? undefined : refused(answer);
}

/** A server's whole backups of one type, the newest first; in Nova's own name. */
export async function backupsOf(
  deps: Deps,
  { serverId, projectId, type }: { serverId: string; projectId: string; type: string },
  requestId: string,
): Promise<Outcome<string[]>> {
  const query = new URLSearchParams({
    owner: projectId,
    instance_uuid: serverId,
    image_type: 'backup',
    backup_type: type,
    status: 'active',
    sort: 'created_at:desc',
    limit: String(maxBackups),
  });
  const answer = await send(
    deps,
    { method: 'GET', path: `/v2/images?${query.toString()}` },
    { token: null, requestId },
  );
  if (isFault(answer)) return answer;
  if (answer.status !== 200) return refused(answer);
  const { images } = answer.body as { images: GlanceImage[] }; // 200: the list's document
  // A property's name is anybody's to use: what is removed must say all of it.
  return images
    .filter(
      (image) =>
        image['owner'] === projectId &&
        image['instance_uuid'] === serverId &&
        image['image_type'] === 'backup' &&
        image['backup_type'] === type,
    )
    .map(({ id }) => id);
}

/** Gone already is fine. `token` null: in Nova's own name. */
export async function deleteImage(
  deps: Deps,
  imageId: string,
  caller: { token: string | null; requestId: string },
): Promise<Outcome<void>> {
  const answer = await send(deps, { method: 'DELETE', path: `/v2/images/${imageId}` }, caller);
  if (isFault(answer)) return answer;
  return answer.status === 204 || answer.status === 404 ? undefined : refused(answer);
}

/** As the caller sees it, in any state. notFound: also for another project's. */
export async function findImage(
  deps: Deps,
  imageId: string,
  caller: Caller,
): Promise<Outcome<GlanceImage>> {
  const answer = await send(
    deps,
    { method: 'GET', path: `/v2/images/${encodeURIComponent(imageId)}` },
    caller,
  );
  if (isFault(answer)) return answer;
  // 200: the image document
  return answer.status === 200 ? (answer.body as GlanceImage) : refused(answer);
}

/** One page of the images that the caller sees; `query` in Glance's words. */
export async function listImages(
  deps: Deps,
  query: URLSearchParams,
  caller: Caller,
): Promise<Outcome<{ images: GlanceImage[]; isLast: boolean }>> {
  const answer = await send(
    deps,
    { method: 'GET', path: `/v2/images?${query.toString()}` },
    caller,
  );
  if (isFault(answer)) return answer;
  if (answer.status !== 200) return refused(answer);
  // 200: the list's document
  const { images, next } = answer.body as { images: GlanceImage[]; next?: string };
  return { images, isLast: next === undefined };
}

/** Writes the properties (null: removes them); answers the image as it is then. */
export async function changeProperties(
  deps: Deps,
  imageId: string,
  properties: Readonly<Record<string, string | null>>,
  caller: Caller,
): Promise<Outcome<GlanceImage>> {
  const patch = Object.entries(properties).map(([name, value]) => {
    const path = `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    return value === null ? { op: 'remove', path } : { op: 'add', path, value };
  });
  const answer = await send(
    deps,
    {
      method: 'PATCH',
      path: `/v2/images/${encodeURIComponent(imageId)}`,
      headers: { 'content-type': 'application/openstack-images-v2.1-json-patch' },
      body: patch,
    },
    caller,
  );
  if (isFault(answer)) return answer;
  // 200: the image document
  return answer.status === 200 ? (answer.body as GlanceImage) : refused(answer);
}
