// Reads the image that a server is built from: from Glance, or from the metadata that Cinder keeps
// with a volume that was made from an image. Used by create, rebuild and rescue.
import { volumeImageFields } from '#contracts/cinder/wire.ts';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { GlanceImage } from '#contracts/glance/wire.ts';
import { propertiesOf } from '#contracts/glance/wire.ts';
import type { ImageFacts } from '#contracts/nova/facts.ts';
import type { Caller, ClientDeps } from '#openstack/clients/call.ts';
import { glanceClient } from '#openstack/clients/glance.ts';

/** badRequest: the image does not exist for this caller, or is not active. */
export async function fetchImageFacts(
  deps: ClientDeps,
  imageId: string,
  caller: Caller,
): Promise<Outcome<ImageFacts>> {
  const image = await activeImage(deps, imageId, caller);
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

/** Fields that Cinder adds to a volume's image metadata besides the image's own properties. */
const cinderFields = new Set([...volumeImageFields, 'signature_verified']);

/**
 * The facts of the image from which a volume was made. badRequest: the caller cannot use its kernel
 * or ramdisk image.
 */
export async function imageFactsOfVolume(
  deps: ClientDeps,
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
  deps: ClientDeps,
  properties: Readonly<Record<string, string>>,
  caller: Caller,
): Promise<Outcome<Pick<ImageFacts, 'kernel' | 'ramdisk'>>> {
  const part = async (name: string) => {
    const id = properties[name];
    if (!id) return null;
    const image = await activeImage(deps, id, caller);
    return isFault(image)
      ? image
      : {
          id: image.id,
          sizeBytes: image.size ?? 0,
          checksum: image.os_hash_value ?? '',
          diskFormat: image.disk_format ?? 'raw',
        };
  };
  const [kernel, ramdisk] = [await part('kernel_id'), await part('ramdisk_id')];
  if (isFault(kernel)) return kernel;
  return isFault(ramdisk) ? ramdisk : { kernel, ramdisk };
}

/** badRequest: the image does not exist for this caller, or is not active. */
async function activeImage(
  deps: ClientDeps,
  imageId: string,
  caller: Caller,
): Promise<Outcome<GlanceImage>> {
  const image = await glanceClient(deps, caller).image(imageId);
  if (isFault(image))
    return image.detail['status'] === undefined
      ? image
      : fault('badRequest', `Can not find requested image ${imageId}`);
  return image.status === 'active' ? image : fault('badRequest', `Image ${imageId} is not active.`);
}
