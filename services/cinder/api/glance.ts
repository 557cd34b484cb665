// What cinder-api asks Glance, in the caller's name, so that Glance decides who may see an image
// and who may create one.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Json, JsonObject } from '#contracts/common/json.ts';
import type { CinderDeps } from '../deps.ts';
import type { SourceImage } from '../domain/volume-source.ts';

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

/** notFound: there is no such image for this caller. */
export async function fetchImage(
  { http, session }: Deps,
  imageId: string,
  caller: Caller,
): Promise<Outcome<SourceImage>> {
  const serviceToken = await session.token();
  if (isFault(serviceToken)) return serviceToken;
  const answer = await http.send({
    method: 'GET',
    service: 'image',
    path: `/v2/images/${encodeURIComponent(imageId)}`,
    token: caller.token,
    serviceToken,
    requestId: caller.requestId,
    timeoutMs,
  });
  if (isFault(answer)) return answer;
  if (answer.status !== 200) return fault('notFound', `Image ${imageId} could not be found.`);
  return imageFrom(answer.body as Record<string, unknown>); // 200: Glance's image document
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
