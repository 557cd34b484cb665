// The disks of a new server: reads block_device_mapping_v2 and its older form, and checks them with
// Cinder and Glance in the caller's name. Rules: compute API reference, "Create server",
// block_device_mapping_v2; nova.objects BlockDeviceDict.from_api.
import type { CinderVolume } from '#contracts/cinder/wire.ts';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { FlavorFacts, ImageFacts } from '#contracts/nova/facts.ts';
import { cinderClient } from '#openstack/clients/cinder.ts';
import { booleanOf } from '#openstack/http/lenient-values.ts';
import type { ApiRequest } from '#openstack/http/route.ts';
import type { NovaDeps } from '../../deps.ts';
import { fetchImageFacts, imageFactsOfVolume } from '../image-facts.ts';
import { callerOf } from '../request.ts';
import type { CreateServerBody } from './create-schema.ts';

export type BlockDevice = NonNullable<
  CreateServerBody['server']['block_device_mapping_v2']
>[number];

export interface WantedVolume {
  source: 'volume' | 'snapshot' | 'image' | 'blank';
  /** Id of the source volume, snapshot or image; null: a blank volume. */
  sourceId: string | null;
  /** null: the size of the source volume or snapshot. */
  sizeGib: number | null;
  volumeType: string | null;
  isRoot: boolean;
  bus: 'virtio' | 'scsi';
  tag: string | null;
  deleteOnTermination: boolean;
}

/** The boot source of a new server, and all its disks that are volumes, the root disk first. */
export interface WantedDisks {
  /** null: the server boots from a volume. */
  imageId: string | null;
  /** Tag of a root disk that is not a volume. */
  rootTag: string | null;
  volumes: WantedVolume[];
}

const invalid = (why: string) => fault('badRequest', `Block Device Mapping is Invalid: ${why}`);
const bootSequence =
  'Boot sequence for the instance and image/block device mapping combination is not valid.';

/** Parses the body's block devices; calls no other service. */
export function readDevices(
  body: CreateServerBody['server'],
  flavor: FlavorFacts,
): Outcome<WantedDisks> {
  const old = body.block_device_mapping ?? [];
  const mappingsV2 = body.block_device_mapping_v2 ?? [];
  if (old.length > 0 && mappingsV2.length > 0)
    return fault(
      'badRequest',
      'Using different block_device_mapping syntaxes is not allowed in the same request.',
    );
  const devices = old.length > 0 ? fromOldForm(old) : mappingsV2;
  if (isFault(devices)) return devices;
  let imageId = body.imageRef || null;
  let rootTag: string | null = null;
  let hasRoot = false;
  const volumes: WantedVolume[] = [];
  const indexes: number[] = [];
  for (const device of devices) {
    const index = device.boot_index == null ? -1 : Number(device.boot_index);
    if (index >= 0) indexes.push(index);
    const isRoot = index === 0;
    if (isRoot && hasRoot) return invalid(bootSequence);
    hasRoot ||= isRoot;
    if (isLocal(device)) {
      const refusal = checkLocal(device, isRoot, flavor);
      if (refusal) return refusal;
      if (isRoot) [imageId, rootTag] = [device.uuid || imageId, device.tag ?? null];
      continue;
    }
    const volume = readVolume(device, isRoot);
    if (isFault(volume)) return volume;
    if (isRoot) imageId = null;
    volumes.push(volume);
  }
  if (
    indexes
      .toSorted((a, b) => a - b)
      .some((index, at) => index !== at && index !== at + (hasRoot ? 0 : 1))
  )
    return invalid(bootSequence);
  if (!hasRoot && imageId === null)
    return devices.length === 0
      ? fault(
          'badRequest',
          'Invalid imageRef provided: a server without an image needs a bootable volume.',
        )
      : invalid(bootSequence);
  return {
    imageId,
    rootTag,
    volumes: volumes.toSorted((a, b) => Number(b.isRoot) - Number(a.isRoot)),
  };
}

const isLocal = ({ source_type: source, destination_type: destination }: BlockDevice): boolean =>
  (destination ?? (source === 'volume' || source === 'snapshot' ? 'volume' : 'local')) === 'local';

function checkLocal(device: BlockDevice, isRoot: boolean, flavor: FlavorFacts): Outcome<undefined> {
  const gib = Number(device.volume_size ?? 0);
  if (device.source_type === 'image')
    return isRoot ? undefined : invalid('Mapping image to local is not supported.');
  if (device.source_type !== 'blank')
    return fault(
      'badRequest',
      `Block Device Mapping is Invalid: a ${device.source_type} has to become a volume.`,
    );
  // Ephemeral and swap disks of the flavor are created in any case; naming them is only checked for
  // size.
  const fits =
    device.guest_format === 'swap' ? gib * 1024 <= flavor.swapMib : gib <= flavor.ephemeralGib;
  return fits
    ? undefined
    : invalid(
        `${device.guest_format === 'swap' ? 'Swap drive requested is larger than instance type allows.' : 'Ephemeral disks requested are larger than the instance type allows.'}`,
      );
}

function readVolume(device: BlockDevice, isRoot: boolean): Outcome<WantedVolume> {
  const { source_type: source, uuid = null } = device;
  if (source === undefined) return invalid('a source_type is missing.');
  const sizeGib =
    device.volume_size == null || device.volume_size === '' ? null : Number(device.volume_size);
  if (source === 'blank' && uuid) return invalid('Missing or unexpected device UUID.');
  if (source !== 'blank' && !uuid) return invalid('Missing device UUID.');
  if (source === 'blank' && sizeGib === null)
    return invalid("Blank volumes (source: 'blank', dest: 'volume') need to have non-zero size.");
  if (source === 'image' && sizeGib === null)
    return invalid("Images with destination_type 'volume' need to have a non-zero size specified.");
  if (source === 'blank' && isRoot) return invalid(bootSequence);
  const bus = device.disk_bus ?? 'virtio';
  if (bus !== 'virtio' && bus !== 'scsi')
    return fault(
      'badRequest',
      `Block Device Mapping is Invalid: disk_bus ${bus} is not supported by this cloud.`,
    );
  return {
    source,
    sourceId: uuid,
    sizeGib,
    volumeType: device.volume_type ?? null,
    isRoot,
    bus,
    tag: device.tag ?? null,
    deleteOnTermination: booleanOf(String(device.delete_on_termination ?? false)) ?? false,
  };
}

/**
 * The older form: `{device_name, volume_id | snapshot_id, volume_size, delete_on_termination,
 * no_device}`. The device named vda is the boot disk.
 */
function fromOldForm(devices: readonly unknown[]): Outcome<BlockDevice[]> {
  const read: BlockDevice[] = [];
  for (const each of devices) {
    const old = each as {
      device_name?: string;
      volume_id?: string;
      snapshot_id?: string;
      volume_size?: number | string;
      delete_on_termination?: boolean | string;
      no_device?: unknown;
    };
    if (typeof old !== 'object' || old === null)
      return fault('badRequest', 'Invalid input for field/attribute block_device_mapping.');
    if (old.no_device !== undefined && old.no_device !== null && old.no_device !== '') continue;
    const uuid = old.volume_id ?? old.snapshot_id;
    if (typeof uuid !== 'string') return invalid('a volume_id or snapshot_id is missing.');
    read.push({
      uuid,
      source_type: old.volume_id === undefined ? 'snapshot' : 'volume',
      destination_type: 'volume',
      boot_index: /^(\/dev\/)?vda$/.test(old.device_name ?? '') ? 0 : -1,
      ...(old.volume_size === undefined ? {} : { volume_size: old.volume_size }),
      ...(old.delete_on_termination === undefined
        ? {}
        : { delete_on_termination: old.delete_on_termination }),
    });
  }
  return read;
}

/**
 * The volumes that an image refers to which createImage made of a server with volumes: it has no
 * data, only snapshots of them.
 */
export function devicesOfImage(image: ImageFacts): Outcome<WantedVolume[]> {
  let devices: unknown;
  try {
    devices = JSON.parse(image.properties['block_device_mapping'] ?? '[]');
  } catch {
    return fault('badRequest', `The block_device_mapping of image ${image.id} is no JSON.`);
  }
  const volumes: WantedVolume[] = [];
  for (const each of Array.isArray(devices) ? devices : []) {
    const {
      snapshot_id: snapshotId,
      boot_index: index,
      volume_size: size,
      ...rest
    } = each as {
      snapshot_id?: string;
      boot_index?: number | null;
      volume_size?: number;
    } & BlockDevice;
    if (typeof snapshotId !== 'string') continue;
    const volume = readVolume(
      {
        ...rest,
        uuid: snapshotId,
        source_type: 'snapshot',
        ...(size === undefined ? {} : { volume_size: size }),
      },
      index === 0,
    );
    if (isFault(volume)) return volume;
    volumes.push(volume);
  }
  return volumes.toSorted((a, b) => Number(b.isRoot) - Number(a.isRoot));
}

/**
 * Checks the sources of the wanted volumes. badRequest: a source does not exist for the caller, is
 * in use, not bootable or too small. Returns the facts of the image behind the boot volume, if
 * there is one.
 */
export async function checkDisks(
  deps: NovaDeps,
  request: ApiRequest<unknown>,
  { volumes }: WantedDisks,
  flavor: FlavorFacts,
): Promise<Outcome<ImageFacts | null>> {
  const caller = callerOf(request);
  const cinder = cinderClient(deps, caller);
  const away = (refusal: { kind: string }): boolean =>
    refusal.kind === 'unavailable' || refusal.kind === 'timeout';
  let copied: Outcome<ImageFacts | null> = null;
  const copiedIn = async ({
    volume_image_metadata: metadata,
  }: CinderVolume): Promise<Outcome<ImageFacts | null>> =>
    metadata ? await imageFactsOfVolume(deps, metadata, caller) : null;
  for (const { source, sourceId, sizeGib, isRoot } of volumes) {
    const id = sourceId ?? '';
    if (source === 'volume') {
      const volume = await cinder.volume(id);
      if (isFault(volume)) return away(volume) ? volume : invalid(`failed to get volume ${id}.`);
      if (volume.status !== 'available')
        return fault(
          'badRequest',
          `Invalid volume: volume ${id} status must be 'available'. Currently in '${volume.status}'`,
        );
      if (isRoot && volume.bootable !== 'true')
        return fault('badRequest', `Block Device ${id} is not bootable.`);
      if (isRoot) copied = await copiedIn(volume);
    } else if (source === 'snapshot') {
      const snapshot = await cinder.snapshot(id);
      if (isFault(snapshot))
        return away(snapshot) ? snapshot : invalid(`failed to get snapshot ${id}.`);
      const origin = isRoot ? await cinder.volume(snapshot.volume_id) : null;
      if (isFault(origin))
        return away(origin) ? origin : invalid(`failed to get the volume of snapshot ${id}.`);
      if (origin) copied = await copiedIn(origin);
    } else if (source === 'image') {
      const image = await fetchImageFacts(deps, id, caller);
      if (isFault(image))
        return image.kind === 'badRequest' ? invalid(`failed to get image ${id}.`) : image;
      const refusal = checkSize(image, sizeGib ?? 0);
      if (refusal) return refusal;
      if (isRoot) copied = image;
    }
    if (isFault(copied)) return copied;
  }
  return copied !== null && copied.minMemoryMib > flavor.memoryMib
    ? fault('badRequest', "Flavor's memory is too small for requested image.")
    : copied;
}

function checkSize(image: ImageFacts, sizeGib: number): Outcome<undefined> {
  if (sizeGib < image.minDiskGib || sizeGib * 1024 ** 3 < image.sizeBytes)
    return fault(
      'badRequest',
      `Volume is smaller than the minimum size specified in image metadata. Volume size is ${sizeGib * 1024 ** 3} bytes, minimum size is ${Math.max(image.minDiskGib * 1024 ** 3, image.sizeBytes)} bytes.`,
    );
  return undefined;
}

/** A volume for a new server: an existing one, or one created for the server. */
export interface CreatedVolume {
  volumeId: string;
  wanted: WantedVolume;
}

/**
 * Creates the new volumes of one server with the caller's token, so that the caller's quota
 * applies. `key`: metadata by which cleanup finds them if the request fails.
 */
export async function makeVolumes(
  deps: NovaDeps,
  request: ApiRequest<unknown>,
  { volumes }: WantedDisks,
  key: Readonly<Record<string, string>>,
): Promise<Outcome<CreatedVolume[]>> {
  const cinder = cinderClient(deps, callerOf(request));
  const created: CreatedVolume[] = [];
  for (const wanted of volumes) {
    if (wanted.source === 'volume') {
      created.push({ volumeId: wanted.sourceId ?? '', wanted });
      continue;
    }
    const volume = await cinder.createVolume({
      name: '',
      metadata: key,
      ...(wanted.sizeGib === null ? {} : { size: wanted.sizeGib }),
      ...(wanted.volumeType === null ? {} : { volume_type: wanted.volumeType }),
      ...(wanted.source === 'image' ? { imageRef: wanted.sourceId } : {}),
      ...(wanted.source === 'snapshot' ? { snapshot_id: wanted.sourceId } : {}),
    });
    if (isFault(volume))
      return volume.kind === 'notFound' ? fault('badRequest', volume.message) : volume;
    created.push({ volumeId: volume.id, wanted });
  }
  return created;
}
