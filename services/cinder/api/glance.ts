// What cinder-api asks Glance, in the caller's name, so that Glance decides who may see an image
// and who may create one.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Json, JsonObject } from '#contracts/common/json.ts';
import type { GlanceImage } from '#contracts/glance/wire.ts';
import { propertiesOf } from '#contracts/glance/wire.ts';
import { callService } from '#openstack/clients/call.ts';
import type { CinderDeps } from '../deps.ts';
import type { SourceImage } from '../domain/volume-source.ts';

type Deps = Pick<CinderDeps, 'http' | 'session'>;
export interface Caller {
  token: string;
  requestId: string;
}

const timeoutMs = 15_000;

function imageFrom(image: GlanceImage): SourceImage {
  const number = (name: string): number => (typeof image[name] === 'number' ? image[name] : 0);
  const text = (name: string): string | null =>
    typeof image[name] === 'string' ? image[name] : null;
  return {
    id: text('id') ?? '',
    name: text('name'),
    status: text('status') ?? '',
    diskFormat: text('disk_format') ?? 'raw',
    containerFormat: text('container_format') ?? 'bare',
    sizeBytes: number('size'),
    virtualSizeBytes: typeof image['virtual_size'] === 'number' ? image['virtual_size'] : null,
    minDiskGib: number('min_disk'),
    minMemoryMib: number('min_ram'),
    checksum: text('checksum'),
    properties: propertiesOf(image),
  };
}

/** notFound: there is no such image for this caller. */
export async function fetchImage(
  deps: Deps,
  imageId: string,
  caller: Caller,
): Promise<Outcome<SourceImage>> {
  const answer = await callService(deps, caller, {
    method: 'GET',
    service: 'image',
    path: `/v2/images/${encodeURIComponent(imageId)}`,
    timeoutMs,
  });
  if (isFault(answer)) return answer;
  if (answer.status !== 200) return fault('notFound', `Image ${imageId} could not be found.`);
  return imageFrom(answer.body as GlanceImage); // 200: Glance's image document
}

/**
 * A new image of the caller's, without data yet. Glance's refusal comes as badRequest, forbidden or
 * overQuota.
 */
export async function createImage(
  deps: Deps,
  image: JsonObject,
  caller: Caller,
): Promise<Outcome<SourceImage>> {
  const answer = await callService(deps, caller, {
    method: 'POST',
    service: 'image',
    path: '/v2/images',
    body: image as Json,
    timeoutMs,
  });
  if (isFault(answer)) return answer;
  // 201: Glance's image document
  if (answer.status === 201) return imageFrom(answer.body as GlanceImage);
  const kinds = { 400: 'badRequest', 403: 'forbidden', 413: 'overQuota' } as const;
  return fault(
    kinds[answer.status as keyof typeof kinds] ?? 'unavailable',
    `Glance does not take the image: ${answer.status} ${JSON.stringify(answer.body ?? '').slice(0, 300)}`,
  );
}
