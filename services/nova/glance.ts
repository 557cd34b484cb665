// What Nova asks Glance: the facts of an image, in the caller's name, so that Glance decides who may see it.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
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
