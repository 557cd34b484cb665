// Glance's tables and how they come to be.
import type { Migration } from '#platform/db/migrate.ts';
import { taskLeasesMigration } from '#platform/tasks/migrations.ts';
import type { ImageStatus, MemberStatus, Visibility } from '../domain/image.ts';

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

const tables: Migration = {
  name: '0001-images',
  up: async (db, t) => {
    await db.schema
      .createTable('images')
      .ifNotExists()
      .addColumn('id', t.id, (c) => c.primaryKey())
      .addColumn('name', t.name)
      .addColumn('status', t.id, (c) => c.notNull())
      .addColumn('visibility', t.id, (c) => c.notNull())
      .addColumn('owner', t.name)
      .addColumn('protected', t.bool, (c) => c.notNull())
      .addColumn('os_hidden', t.bool, (c) => c.notNull())
      .addColumn('disk_format', t.id)
      .addColumn('container_format', t.id)
      .addColumn('min_disk', t.bigint, (c) => c.notNull())
      .addColumn('min_ram', t.bigint, (c) => c.notNull())
      .addColumn('size', t.bigint)
      .addColumn('virtual_size', t.bigint)
      .addColumn('checksum', t.id)
      .addColumn('os_hash_value', t.name)
      .addColumn('data_key', t.name, (c) => c.unique())
      .addColumn('upload_seen_ms', t.timeMs)
      .addColumn('generation', t.bigint, (c) => c.notNull())
      .addColumn('created_at_ms', t.timeMs, (c) => c.notNull())
      .addColumn('updated_at_ms', t.timeMs, (c) => c.notNull())
      .execute();
    await db.schema
      .createIndex('images_by_owner')
      .ifNotExists()
      .on('images')
      .columns(['owner', 'status'])
      .execute();
    await db.schema
      .createIndex('images_by_visibility')
      .ifNotExists()
      .on('images')
      .columns(['visibility', 'status'])
      .execute();
    await db.schema
      .createIndex('images_by_status')
      .ifNotExists()
      .on('images')
      .columns(['status'])
      .execute();
    await db.schema
      .createTable('image_properties')
      .ifNotExists()
      .addColumn('image_id', t.id, (c) => c.notNull())
      .addColumn('name', t.name, (c) => c.notNull())
      .addColumn('value', t.text)
      .addPrimaryKeyConstraint('image_properties_key', ['image_id', 'name'])
      .execute();
    await db.schema
      .createTable('image_tags')
      .ifNotExists()
      .addColumn('image_id', t.id, (c) => c.notNull())
      .addColumn('tag', t.name, (c) => c.notNull())
      .addPrimaryKeyConstraint('image_tags_key', ['image_id', 'tag'])
      .execute();
    await db.schema
      .createTable('image_members')
      .ifNotExists()
      .addColumn('image_id', t.id, (c) => c.notNull())
      .addColumn('member_id', t.name, (c) => c.notNull())
      .addColumn('status', t.id, (c) => c.notNull())
      .addColumn('created_at_ms', t.timeMs, (c) => c.notNull())
      .addColumn('updated_at_ms', t.timeMs, (c) => c.notNull())
      .addPrimaryKeyConstraint('image_members_key', ['image_id', 'member_id'])
      .execute();
    await db.schema
      .createIndex('image_members_by_member')
      .ifNotExists()
      .on('image_members')
      .columns(['member_id', 'status'])
      .execute();
  },
};

const purgedIds: Migration = {
  name: '0002-purged-image-ids',
  up: async (db, t) => {
    await db.schema
      .createTable('purged_image_ids')
      .ifNotExists()
      .addColumn('id', t.id, (c) => c.primaryKey())
      .execute();
  },
};

export const migrations: readonly Migration[] = [
  tables,
  purgedIds,
  taskLeasesMigration('0003-task-leases'),
];
