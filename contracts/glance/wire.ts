// Glance's images in its API. https://docs.openstack.org/api-ref/image/v2/

/** An image in the API. Its properties are at the top level, beside Glance's own fields. */
export type GlanceImage = Record<string, unknown> & {
  id: string;
  name: string | null;
  status: string;
  disk_format: string | null;
  size: number | null;
  os_hash_value: string | null;
  min_disk: number;
  min_ram: number;
  created_at: string;
  updated_at: string;
};

// Glance's own fields: any other member at the top level of an image is a property.
const ownFields: ReadonlySet<string> = new Set([
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

export function propertiesOf(image: GlanceImage): Record<string, string> {
  return Object.fromEntries(
    Object.entries(image).filter(
      (entry): entry is [string, string] =>
        !ownFields.has(entry[0]) && typeof entry[1] === 'string',
    ),
  );
}
export const isOwnField = (name: string): boolean => ownFields.has(name);
