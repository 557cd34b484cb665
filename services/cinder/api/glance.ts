// cinder-api's calls to Glance with the caller's identity, so that Glance decides whether the
// caller may see an image or create one.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { JsonObject } from '#contracts/common/json.ts';
import type { GlanceImage } from '#contracts/glance/wire.ts';
import { propertiesOf } from '#contracts/glance/wire.ts';
import type { Caller, ClientDeps } from '#openstack/clients/call.ts';
import { refusedStatus } from '#openstack/clients/call.ts';
import { glanceClient } from '#openstack/clients/glance.ts';
import type { SourceImage } from '../domain/volume-source.ts';

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

/** Reads an image from Glance for the caller. notFound: no image that this caller may see. */
export async function fetchImage(
  deps: ClientDeps,
  imageId: string,
  caller: Caller,
): Promise<Outcome<SourceImage>> {
  const image = await glanceClient(deps, caller, { timeoutMs }).image(imageId);
  if (!isFault(image)) return imageFrom(image);
  return refusedStatus(image) === undefined
    ? image
    : fault('notFound', `Image ${imageId} could not be found.`);
}

/**
 * Creates an image without data, owned by the caller. A refusal by Glance becomes badRequest,
 * forbidden or overQuota.
 */
export async function createImage(
  deps: ClientDeps,
  image: JsonObject,
  caller: Caller,
): Promise<Outcome<SourceImage>> {
  const created = await glanceClient(deps, caller, { timeoutMs }).create(image);
  if (!isFault(created)) return imageFrom(created);
  const status = refusedStatus(created);
  if (status === undefined) return created;
  const kinds = { 400: 'badRequest', 403: 'forbidden', 413: 'overQuota' } as const;
  return fault(
    kinds[status as keyof typeof kinds] ?? 'unavailable',
    `Glance does not take the image: ${status} ${created.detail['answer'] ?? ''}`,
  );
}
