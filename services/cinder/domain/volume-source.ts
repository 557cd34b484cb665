// Checks the source of a new volume (snapshot, volume or image) and derives a plan. Pure: the API
// reads the facts.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';

/** The facts that the plan needs. */
export interface SourceVolume {
  id: string;
  sizeGib: number;
  status: string;
  typeId: string | null;
  zone: string;
  host: string | null;
  bootable: boolean;
  imageMetadata: Record<string, string>;
}
export interface SourceSnapshot {
  id: string;
  sizeGib: number;
  status: string;
  volume: SourceVolume;
}
export interface SourceImage {
  id: string;
  name: string | null;
  status: string;
  diskFormat: string;
  containerFormat: string;
  sizeBytes: number;
  virtualSizeBytes: number | null;
  minDiskGib: number;
  minMemoryMib: number;
  checksum: string | null;
  /** All other text fields of the image. */
  properties: Record<string, string>;
}

export interface VolumeSources {
  snapshot: SourceSnapshot | null;
  volume: SourceVolume | null;
  image: SourceImage | null;
}

export interface SourcePlan {
  sizeGib: number;
  bootable: boolean;
  imageMetadata: Record<string, string>;
  /** The snapshot or volume to copy, which also determines zone and backend; null: no copy. */
  origin:
    | { kind: 'snapshot'; id: string; volume: SourceVolume }
    | { kind: 'volume'; id: string; volume: SourceVolume }
    | null;
}

const gib = 1024 ** 3;

export function planSource(
  sizeGib: number | null,
  { snapshot, volume, image }: VolumeSources,
): Outcome<SourcePlan> {
  if (snapshot) {
    if (snapshot.status !== 'available')
      return fault(
        'badRequest',
        `Invalid snapshot: Originating snapshot status must be one of 'available' values`,
      );
    const size = sizeGib ?? snapshot.sizeGib;
    if (size < snapshot.sizeGib)
      return fault(
        'badRequest',
        `Invalid input received: Volume size '${size}'GB cannot be smaller than the snapshot size ${snapshot.sizeGib}GB. They must be >= original snapshot size.`,
      );
    return {
      sizeGib: size,
      bootable: snapshot.volume.bootable,
      imageMetadata: snapshot.volume.imageMetadata,
      origin: { kind: 'snapshot', id: snapshot.id, volume: snapshot.volume },
    };
  }
  if (volume) {
    if (volume.status !== 'available' && volume.status !== 'in-use')
      return fault(
        'badRequest',
        'Invalid volume: Unable to create volume: the source volume must be available or in-use.',
      );
    const size = sizeGib ?? volume.sizeGib;
    if (size < volume.sizeGib)
      return fault(
        'badRequest',
        `Invalid input received: Clones currently must be >= original volume size: '${size}'GB is less than ${volume.sizeGib}GB.`,
      );
    return {
      sizeGib: size,
      bootable: volume.bootable,
      imageMetadata: volume.imageMetadata,
      origin: { kind: 'volume', id: volume.id, volume },
    };
  }
  if (sizeGib === null)
    return fault(
      'badRequest',
      "Invalid input received: Volume size 'None' must be an integer and greater than 0",
    );
  return image
    ? planImage(sizeGib, image)
    : { sizeGib, bootable: false, imageMetadata: {}, origin: null };
}

function planImage(sizeGib: number, image: SourceImage): Outcome<SourcePlan> {
  if (image.status !== 'active')
    return fault('badRequest', `Invalid input received: Image ${image.id} is not active.`);
  const bytes = Math.max(image.sizeBytes, image.virtualSizeBytes ?? 0);
  const neededGib = Math.ceil(bytes / gib);
  if (neededGib > sizeGib)
    return fault(
      'badRequest',
      `Invalid input received: Size of specified image ${neededGib}GB is larger than volume size ${sizeGib}GB.`,
    );
  if (image.minDiskGib > sizeGib)
    return fault(
      'badRequest',
      `Invalid input received: Volume size ${sizeGib}GB cannot be smaller than the image minDisk size ${image.minDiskGib}GB.`,
    );
  const imageMetadata: Record<string, string> = {
    ...image.properties,
    image_id: image.id,
    image_name: image.name ?? '',
    checksum: image.checksum ?? '',
    container_format: image.containerFormat,
    disk_format: image.diskFormat,
    min_disk: String(image.minDiskGib),
    min_ram: String(image.minMemoryMib),
    size: String(image.sizeBytes),
  };
  return { sizeGib, bootable: true, imageMetadata, origin: null };
}
