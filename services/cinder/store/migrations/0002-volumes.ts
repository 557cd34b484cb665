// Volumes and the objects that belong to them: attachments, snapshots, backups, transfers.
import type { Migration } from '#platform/db/migrate.ts';

export const volumes: Migration = {
  name: '0002-volumes',
  up: async (db, t) => {
    await db.schema
      .createTable('volumes')
      .ifNotExists()
      .addColumn('id', t.id, (c) => c.primaryKey())
      .addColumn('project_id', t.id, (c) => c.notNull())
      .addColumn('user_id', t.id, (c) => c.notNull())
      .addColumn('name', t.name)
      .addColumn('description', t.text)
      .addColumn('size_gib', t.int, (c) => c.notNull())
      .addColumn('extending_gib', t.int, (c) => c.notNull())
      .addColumn('status', t.id, (c) => c.notNull())
      .addColumn('availability_zone', t.name, (c) => c.notNull())
      .addColumn('host', t.name)
      .addColumn('type_id', t.id)
      .addColumn('snapshot_id', t.id)
      .addColumn('source_volid', t.id)
      .addColumn('bootable', t.bool, (c) => c.notNull())
      .addColumn('readonly', t.bool)
      .addColumn('metadata_json', t.json, (c) => c.notNull())
      .addColumn('image_metadata_json', t.json, (c) => c.notNull())
      .addColumn('creating_lock', t.name)
      .addColumn('created_at_ms', t.timeMs, (c) => c.notNull())
      .addColumn('updated_at_ms', t.timeMs)
      .execute();
    await db.schema
      .createIndex('volumes_by_project')
      .ifNotExists()
      .on('volumes')
      .columns(['project_id', 'size_gib', 'extending_gib'])
      .execute();
    await db.schema
      .createIndex('volumes_by_age')
      .ifNotExists()
      .on('volumes')
      .columns(['project_id', 'created_at_ms', 'id'])
      .execute();
    await db.schema
      .createTable('attachments')
      .ifNotExists()
      .addColumn('id', t.id, (c) => c.primaryKey())
      .addColumn('volume_id', t.id, (c) => c.notNull())
      .addColumn('project_id', t.id, (c) => c.notNull())
      .addColumn('server_id', t.id)
      .addColumn('host_name', t.name)
      .addColumn('device', t.name)
      .addColumn('status', t.id, (c) => c.notNull())
      .addColumn('mode', t.id, (c) => c.notNull())
      .addColumn('connector_json', t.json)
      .addColumn('connection_json', t.json)
      .addColumn('created_at_ms', t.timeMs, (c) => c.notNull())
      .addColumn('attached_at_ms', t.timeMs)
      .execute();
    await db.schema
      .createIndex('attachments_by_volume')
      .ifNotExists()
      .on('attachments')
      .columns(['volume_id'])
      .execute();
    await db.schema
      .createTable('snapshots')
      .ifNotExists()
      .addColumn('id', t.id, (c) => c.primaryKey())
      .addColumn('volume_id', t.id, (c) => c.notNull())
      .addColumn('project_id', t.id, (c) => c.notNull())
      .addColumn('user_id', t.id, (c) => c.notNull())
      .addColumn('name', t.name)
      .addColumn('description', t.text)
      .addColumn('status', t.id, (c) => c.notNull())
      .addColumn('progress', t.id, (c) => c.notNull())
      .addColumn('size_gib', t.int, (c) => c.notNull())
      .addColumn('metadata_json', t.json, (c) => c.notNull())
      .addColumn('assisted', t.id)
      .addColumn('created_at_ms', t.timeMs, (c) => c.notNull())
      .addColumn('updated_at_ms', t.timeMs)
      .execute();
    await db.schema
      .createIndex('snapshots_by_volume')
      .ifNotExists()
      .on('snapshots')
      .columns(['volume_id'])
      .execute();
    await db.schema
      .createIndex('snapshots_by_project')
      .ifNotExists()
      .on('snapshots')
      .columns(['project_id', 'size_gib'])
      .execute();
    await db.schema
      .createTable('backups')
      .ifNotExists()
      .addColumn('id', t.id, (c) => c.primaryKey())
      .addColumn('project_id', t.id, (c) => c.notNull())
      .addColumn('user_id', t.id, (c) => c.notNull())
      .addColumn('name', t.name)
      .addColumn('description', t.text)
      .addColumn('status', t.id, (c) => c.notNull())
      .addColumn('fail_reason', t.text)
      .addColumn('volume_id', t.id, (c) => c.notNull())
      .addColumn('snapshot_id', t.id)
      .addColumn('availability_zone', t.name, (c) => c.notNull())
      .addColumn('container', t.name)
      .addColumn('size_gib', t.int, (c) => c.notNull())
      .addColumn('object_count', t.int, (c) => c.notNull())
      .addColumn('metadata_json', t.json, (c) => c.notNull())
      .addColumn('volume_facts_json', t.json, (c) => c.notNull())
      .addColumn('data_at_ms', t.timeMs)
      .addColumn('created_at_ms', t.timeMs, (c) => c.notNull())
      .addColumn('updated_at_ms', t.timeMs)
      .execute();
    await db.schema
      .createIndex('backups_by_project')
      .ifNotExists()
      .on('backups')
      .columns(['project_id', 'size_gib'])
      .execute();
    await db.schema
      .createTable('transfers')
      .ifNotExists()
      .addColumn('id', t.id, (c) => c.primaryKey())
      .addColumn('volume_id', t.id, (c) => c.notNull().unique())
      .addColumn('project_id', t.id, (c) => c.notNull())
      .addColumn('name', t.name)
      .addColumn('salt', t.id, (c) => c.notNull())
      .addColumn('key_hash', t.id, (c) => c.notNull())
      .addColumn('no_snapshots', t.bool, (c) => c.notNull())
      .addColumn('created_at_ms', t.timeMs, (c) => c.notNull())
      .execute();
  },
};
