// Table of servers' volumes: the requested block devices and their Cinder attachments.
import type { Migration } from '#platform/db/migrate.ts';

export const volumes: Migration = {
  name: '0005-volumes',
  up: async (db, t) => {
    await db.schema
      .createTable('server_volumes')
      .ifNotExists()
      .addColumn('id', t.id, (c) => c.notNull().primaryKey())
      .addColumn('server_id', t.id, (c) => c.notNull())
      .addColumn('volume_id', t.id, (c) => c.notNull())
      .addColumn('device', t.name, (c) => c.notNull())
      .addColumn('bus', t.name, (c) => c.notNull())
      .addColumn('boot_index', t.int)
      .addColumn('tag', t.name)
      .addColumn('delete_on_termination', t.bool, (c) => c.notNull())
      .addColumn('attachment_id', t.id)
      .addColumn('host', t.name)
      .addColumn('connection', t.json)
      .addColumn('created_at_ms', t.timeMs, (c) => c.notNull())
      .execute();
    await db.schema
      .createIndex('server_volumes_by_server')
      .ifNotExists()
      .on('server_volumes')
      .columns(['server_id'])
      .execute();
    await db.schema
      .createIndex('server_volumes_by_volume')
      .ifNotExists()
      .on('server_volumes')
      .columns(['volume_id'])
      .execute();
  },
};
