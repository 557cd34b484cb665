// The tables of Glance's database, as Kysely types.
import type { Kysely, Selectable } from 'kysely';
import type { ImageStatus, MemberStatus, Visibility } from '../domain/image.ts';

export type GlanceDb = Kysely<GlanceTables>;
export type ImageRow = Selectable<GlanceTables['images']>;

export interface GlanceTables {
  /** Records of deleted images are kept for a while; then only their ids. */
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
    /** The key of the data in the store, also while the upload is running. Never used twice. */
    data_key: string | null;
    /** The last heartbeat of the uploading process; null: no upload is running. */
    upload_seen_ms: number | null;
    /**
     * The process that uploads, or uploaded last; null: written by a release without this column.
     */
    upload_owner: string | null;
    /** Bumped with every change of fields, tags or properties. */
    generation: number;
    created_at_ms: number;
    updated_at_ms: number;
  };
  /**
   * Ids of purged images. They are never given to another image, since a server might then boot an
   * image that its owner never chose. https://wiki.openstack.org/wiki/OSSN/OSSN-0075
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
