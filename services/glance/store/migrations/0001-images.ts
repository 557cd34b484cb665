// Images with their tags, properties and members.
import type { Migration } from '#platform/db/migrate.ts';

export const images: Migration = {
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
