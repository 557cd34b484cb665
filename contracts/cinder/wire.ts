// Cinder's objects in its API, reduced to the fields that this cloud's clients read.
// https://docs.openstack.org/api-ref/block-storage/v3/
import type { JsonObject } from '../common/json.ts';

export interface CinderVolume {
  id: string;
  name: string | null;
  status: string;
  size: number;
  bootable: string;
  multiattach: boolean;
  availability_zone: string | null;
  volume_type: string | null;
  /** The project that owns it. */
  'os-vol-tenant-attr:tenant_id': string;
  attachments: { attachment_id: string; server_id: string | null }[];
  volume_image_metadata?: Record<string, string>;
  metadata?: Record<string, string>;
}
export interface CinderSnapshot {
  id: string;
  metadata?: Record<string, string>;
  volume_id: string;
  status: string;
  size: number;
}
export interface CinderAttachment {
  id: string;
  status: string;
  instance: string | null;
  volume_id: string;
  connection_info?: JsonObject;
}

/**
 * The keys of `volume_image_metadata` that describe the image itself; all others are properties of
 * the image. cinder.image.glance, volume_image_metadata
 */
export const volumeImageFields: readonly string[] = [
  'image_id',
  'image_name',
  'checksum',
  'container_format',
  'disk_format',
  'min_disk',
  'min_ram',
  'size',
];
