// The type of an image, and the values of its enumerated fields. Pure.
// https://docs.openstack.org/api-ref/image/v2/#images

export type ImageStatus =
  | 'queued'
  | 'saving'
  | 'uploading'
  | 'importing'
  | 'active'
  | 'deactivated'
  | 'deleted';

export const visibilities = ['community', 'public', 'private', 'shared'] as const;
export type Visibility = (typeof visibilities)[number];

export const containerFormats = [
  'ami',
  'ari',
  'aki',
  'bare',
  'ovf',
  'ova',
  'docker',
  'compressed',
] as const;
export const diskFormats = [
  'ami',
  'ari',
  'aki',
  'vhd',
  'vhdx',
  'vmdk',
  'raw',
  'qcow2',
  'vdi',
  'iso',
  'ploop',
] as const;

export const memberStatuses = ['pending', 'accepted', 'rejected'] as const;
export type MemberStatus = (typeof memberStatuses)[number];

export interface Image {
  id: string;
  name: string | null;
  status: ImageStatus;
  visibility: Visibility;
  owner: string | null;
  isProtected: boolean;
  isHidden: boolean;
  diskFormat: string | null;
  containerFormat: string | null;
  minDiskGib: number;
  minRamMib: number;
  sizeBytes: number | null;
  virtualSizeBytes: number | null;
  md5: string | null;
  sha512: string | null;
  /** The key of its data in the store, set as soon as an upload starts; null before that. */
  dataKey: string | null;
  createdAtMs: number;
  updatedAtMs: number;
  tags: readonly string[];
  properties: Readonly<Record<string, string | null>>;
}

/** The fields that callers can write, at creation or by a patch. */
export type ImageDraft = Pick<
  Image,
  | 'name'
  | 'visibility'
  | 'owner'
  | 'isProtected'
  | 'isHidden'
  | 'diskFormat'
  | 'containerFormat'
  | 'minDiskGib'
  | 'minRamMib'
  | 'tags'
> & {
  properties: Record<string, string | null>;
};

/** Fields that only Glance writes: a caller who tries gets 403. */
export const readOnlyFields: ReadonlySet<string> = new Set([
  'status',
  'checksum',
  'os_hash_algo',
  'os_hash_value',
  'size',
  'virtual_size',
  'created_at',
  'updated_at',
  'direct_url',
  'self',
  'file',
  'schema',
  'stores',
]);

/** Names that a property must not have. */
export const reservedFields: ReadonlySet<string> = new Set([
  'deleted',
  'deleted_at',
  'is_public',
  'locations',
  'members',
  'image_id',
]);
export const isReservedProperty = (name: string): boolean => name.startsWith('os_glance_');

export const uuidPattern =
  /^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$/;
