// The body with which createImage creates a server's image at Glance. Pure. Stock Nova:
// nova.compute.utils, create_image.
import type { JsonObject } from '#contracts/common/json.ts';
import type { Server } from '../store/servers.ts';
import type { ServerVolume } from '../store/volumes.ts';
import { rootDevice } from './device-names.ts';
import { flavorOf, imageOf } from './server-row.ts';

/**
 * Image properties that describe the image file itself rather than the system in it, so that a
 * snapshot does not inherit them. nova.conf, non_inheritable_image_properties
 */
const notInherited = new Set([
  'cache_in_nova',
  'bittorrent',
  'img_signature_hash_method',
  'img_signature',
  'img_signature_key_type',
  'img_signature_certificate_uuid',
  'block_device_mapping',
  'bdm_v2',
  'root_device_name',
]);

/**
 * The image to create at Glance for a server with a root disk. `min_disk` is the flavor's disk
 * size; the format is always qcow2, the only one that hosts upload.
 */
export function diskImage(
  server: Server,
  name: string,
  metadata: Record<string, string>,
): JsonObject {
  return {
    ...inherited(server),
    min_disk: flavorOf(server).diskGib,
    min_ram: imageOf(server)?.minMemoryMib ?? 0,
    ...metadata,
    name,
    disk_format: 'qcow2',
    container_format: 'bare',
    visibility: 'private',
  };
}

function inherited(server: Server): JsonObject {
  const inheritedProperties = Object.entries(imageOf(server)?.properties ?? {}).filter(
    ([key]) => !notInherited.has(key),
  );
  return {
    ...Object.fromEntries(inheritedProperties),
    image_type: 'snapshot',
    instance_uuid: server.id,
    user_id: server.user_id,
    ...(server.image_id === null ? {} : { base_image_ref: server.image_id }),
  };
}

export interface VolumeSnapshot {
  row: ServerVolume;
  snapshotId: string;
  sizeGib: number;
}

/**
 * The image to create at Glance for a volume-backed server: one without data that refers to
 * snapshots of its volumes.
 */
export function volumeImage(
  server: Server,
  name: string,
  metadata: Record<string, string>,
  snapshots: readonly VolumeSnapshot[],
): JsonObject {
  const mapping = snapshots.map(({ row, snapshotId, sizeGib }) => ({
    source_type: 'snapshot',
    destination_type: 'volume',
    snapshot_id: snapshotId,
    volume_id: null,
    image_id: null,
    volume_size: sizeGib,
    boot_index: row.boot_index,
    device_name: `/dev/${row.device}`,
    disk_bus: row.bus,
    device_type: 'disk',
    guest_format: null,
    no_device: null,
    tag: row.tag,
    delete_on_termination: row.delete_on_termination === 1,
  }));
  return {
    ...inherited(server),
    min_disk: Math.max(
      0,
      ...snapshots.filter(({ row }) => row.boot_index === 0).map(({ sizeGib }) => sizeGib),
    ),
    min_ram: 0,
    ...metadata,
    name,
    disk_format: 'raw',
    container_format: 'bare',
    visibility: 'private',
    block_device_mapping: JSON.stringify(mapping),
    bdm_v2: 'True',
    root_device_name: `/dev/${rootDevice(
      imageOf(server),
      snapshots.map(({ row }) => row),
    )}`,
  };
}
