// What Nova asks Glance: the facts of an image, in the caller's name, so that Glance decides who may see it; and images made of servers.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import { Readable } from 'node:stream';
import type { JsonObject } from '#contracts/common/json.ts';
import type { HttpAnswer, HttpCall } from '#platform/http/client.ts';
import type { ImageFacts } from '#contracts/nova/facts.ts';
import type { NovaDeps } from './deps.ts';

interface Caller {
  token: string;
  requestId: string;
}
type Deps = Pick<NovaDeps, 'http' | 'session'>;

type GlanceImage = Record<string, unknown> & { id: string; name: string | null; status: string; disk_format: string | null; size: number | null; os_hash_value: string | null; min_disk: number; min_ram: number };

// Glance's own fields: everything else at the top level of an image is a property.
const ownFields = new Set(['id', 'name', 'status', 'visibility', 'protected', 'owner', 'size', 'virtual_size', 'checksum', 'os_hash_algo', 'os_hash_value', 'os_hidden',
  'disk_format', 'container_format', 'min_disk', 'min_ram', 'created_at', 'updated_at', 'tags', 'self', 'file', 'schema', 'stores', 'direct_url', 'locations']);

/** badRequest: there is no such image for this caller, or it is not active. */
export async function fetchImageFacts(deps: Deps, imageId: string, caller: Caller): Promise<Outcome<ImageFacts>> {
  const image = await fetchImage(deps, imageId, caller);
  if (isFault(image)) return image;
  const properties: Record<string, string> = {};
  for (const [name, value] of Object.entries(image)) if (!ownFields.has(name) && typeof value === 'string') properties[name] = value;
  const part = async (name: string) => {
    const id = properties[name];
    if (!id) return null;
    const found = await fetchImage(deps, id, caller);
    return isFault(found) ? found : { id: found.id, sizeBytes: found.size ?? 0, checksum: found.os_hash_value ?? '', diskFormat: found.disk_format ?? 'raw' };
  };
  const [kernel, ramdisk] = [await part('kernel_id'), await part('ramdisk_id')];
  if (isFault(kernel)) return kernel;
  if (isFault(ramdisk)) return ramdisk;
  return {
    id: image.id, name: image.name ?? '', diskFormat: image.disk_format ?? 'raw', sizeBytes: image.size ?? 0, checksum: image.os_hash_value ?? '',
    minDiskGib: image.min_disk, minMemoryMib: image.min_ram, kernel, ramdisk, properties,
  };
}

async function fetchImage({ http, session }: Deps, imageId: string, caller: Caller): Promise<Outcome<GlanceImage>> {
  const serviceToken = await session.token();
  if (isFault(serviceToken)) return serviceToken;
  const answer = await http.send({ method: 'GET', service: 'image', path: `/v2/images/${encodeURIComponent(imageId)}`, token: caller.token, serviceToken, requestId: caller.requestId, timeoutMs: 15_000 });
  if (isFault(answer)) return answer;
  if (answer.status !== 200) return fault('badRequest', `Can not find requested image ${imageId}`);
  const image = answer.body as GlanceImage; // 200: Glance's image document
  if (image.status !== 'active') return fault('badRequest', `Image ${imageId} is not active.`);
  return image;
}

const timeoutMs = 30_000;

async function send({ http, session }: Deps, call: Omit<HttpCall, 'service' | 'token'>, { token, requestId }: { token: string | null; requestId: string }): Promise<Outcome<HttpAnswer>> {
  const own = await session.token();
  if (isFault(own)) return own;
  return await http.send({ ...call, service: 'image', requestId, timeoutMs, ...(token === null ? { token: own } : { token, serviceToken: own }) });
}

const refusals = { 400: 'badRequest', 403: 'forbidden', 404: 'notFound', 409: 'conflict', 413: 'overQuota' } as const;
const refused = ({ status, body }: HttpAnswer) => fault(refusals[status as keyof typeof refusals] ?? 'unavailable', `Glance answered ${status}: ${JSON.stringify(body ?? '').slice(0, 300)}`);

/** A queued image of the caller's; answers its id. */
export async function createImage(deps: Deps, image: JsonObject, caller: Caller): Promise<Outcome<string>> {
  const answer = await send(deps, { method: 'POST', path: '/v2/images', body: image }, caller);
  if (isFault(answer)) return answer;
  return answer.status === 201 ? (answer.body as { id: string }).id : refused(answer); // 201: the image document
}

/** Makes an image active that has no bytes: it only names snapshots. */
export async function uploadNothing(deps: Deps, imageId: string, caller: Caller): Promise<Outcome<void>> {
  const answer = await send(deps, { method: 'PUT', path: `/v2/images/${imageId}/file`, headers: { 'content-type': 'application/octet-stream' }, stream: Readable.from([]) }, caller);
  if (isFault(answer)) return answer;
  return answer.status === 204 ? undefined : refused(answer);
}

/** Gone already is fine. `token` null: in Nova's own name. */
export async function deleteImage(deps: Deps, imageId: string, caller: { token: string | null; requestId: string }): Promise<Outcome<void>> {
  const answer = await send(deps, { method: 'DELETE', path: `/v2/images/${imageId}` }, caller);
  if (isFault(answer)) return answer;
  return answer.status === 204 || answer.status === 404 ? undefined : refused(answer);
}
