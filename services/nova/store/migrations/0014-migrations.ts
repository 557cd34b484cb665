// Migrations of servers between hosts: resizes, cold and live migrations, evacuations.
import type { Migration } from '#platform/db/migrate.ts';

export const serverMigrations: Migration = {
  name: '0014-migrations',
  up: async (db, t) => {
    await db.schema
      .createTable('migrations')
      .ifNotExists()
      .addColumn('uuid', t.id, (c) => c.notNull().primaryKey())
      .addColumn('id', t.bigint, (c) => c.notNull().unique())
      .addColumn('server_id', t.id, (c) => c.notNull())
      .addColumn('project_id', t.id, (c) => c.notNull())
      .addColumn('user_id', t.id, (c) => c.notNull())
      .addColumn('request_id', t.id, (c) => c.notNull())
      .addColumn('type', t.id, (c) => c.notNull())
      .addColumn('status', t.id, (c) => c.notNull())
      .addColumn('source_host', t.name)
      .addColumn('source_node', t.id)
      .addColumn('dest_host', t.name)
      .addColumn('dest_node', t.id)
      .addColumn('dest_ip', t.id)
      .addColumn('old_flavor', t.json, (c) => c.notNull())
      .addColumn('new_flavor', t.json, (c) => c.notNull())
      .addColumn('old_flavor_number', t.int, (c) => c.notNull())
      .addColumn('new_flavor_number', t.int, (c) => c.notNull())
      .addColumn('old_vm_state', t.id, (c) => c.notNull())
      .addColumn('memory_total', t.bigint)
      .addColumn('memory_processed', t.bigint)
      .addColumn('memory_remaining', t.bigint)
      .addColumn('disk_total', t.bigint)
      .addColumn('disk_processed', t.bigint)
      .addColumn('disk_remaining', t.bigint)
      .addColumn('created_at_ms', t.timeMs, (c) => c.notNull())
      .addColumn('updated_at_ms', t.timeMs, (c) => c.notNull())
      .execute();
    for (const [name, columns] of Object.entries({
      migrations_by_server: ['server_id', 'status'],
      migrations_by_source: ['source_host', 'status'],
      migrations_by_dest: ['dest_host', 'status'],
      migrations_by_age: ['created_at_ms', 'id'],
    }))
      await db.schema.createIndex(name).ifNotExists().on('migrations').columns(columns).execute();
    // The API identifies a migration's flavors by number; flavors themselves have none.
    await db.schema
      .createTable('flavor_numbers')
      .ifNotExists()
      .addColumn('flavor_id', t.name, (c) => c.notNull().primaryKey())
      .addColumn('number', t.int, (c) => c.notNull())
      .execute();
  },
};
