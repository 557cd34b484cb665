// The tables of Glance's database, as Kysely types.
import type { Kysely, Selectable } from 'kysely';
import type { ImageStatus, MemberStatus, Visibility } from '../domain/image.ts';

export type GlanceDb = Kysely<GlanceTables>;
export type ImageRow = Selectable<GlanceTables['images']>;

export interface GlanceTables {
  /** Deleted images stay for a while, then their ids alone. */
  images: {
    id: string;
    name: string | null;
    status: ImageStatus;
    visibility: Visibility;
    owner: string | null;
    protected: number;
    os_hidden: number;
    disk_format: string | null;
    container_format: string | null;
    min_disk: number;
    min_ram: number;
    size: number | null;
    virtual_size: number | null;
    checksum: string | null;
    os_hash_value: string | null;
    /** Where the bytes are, or will be when the upload ends. Never used twice. */
    data_key: string | null;
    /** When the process that uploads was last heard of; null when no upload runs. */
    upload_seen_ms: number | null;
    /** The process that uploads, or uploaded last; null: of a release that did not say. */
    upload_owner: string | null;
    /** Moves with every change of the fields, tags or properties. */
    generation: number;
    created_at_ms: number;
    updated_at_ms: number;
  };
  /**
   * Of images that were purged: no other image may have it, or a server would boot what it never
   * named. https://wiki.openstack.org/wiki/OSSN/OSSN-0075
   */
  purged_image_ids: { id: string };
  image_properties: { image_id: string; name: string; value: string | null };
  image_tags: { image_id: string; tag: string };
  image_members: {
    image_id: string;
    member_id: string;
    status: MemberStatus;
    created_at_ms: number;
    updated_at_ms: number;
  };
}
