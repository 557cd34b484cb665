// Tables of masakari's segments with their hosts, and of notifications.
import type { Migration } from '#platform/db/migrate.ts';

export const segments: Migration = {
  name: '0004-segments',
  up: async (db, t) => {
    await db.schema
      .createTable('segments')
      .ifNotExists()
      .addColumn('uuid', t.id, (c) => c.primaryKey())
      .addColumn('number', t.bigint, (c) => c.notNull().unique())
      .addColumn('name', t.name, (c) => c.notNull().unique())
      .addColumn('description', t.text)
      .addColumn('recovery_method', t.id, (c) => c.notNull())
      .addColumn('service_type', t.name, (c) => c.notNull())
      .addColumn('enabled', t.bool, (c) => c.notNull())
      .addColumn('created_at_ms', t.timeMs, (c) => c.notNull())
      .addColumn('updated_at_ms', t.timeMs)
      .execute();
    await db.schema
      .createTable('segment_hosts')
      .ifNotExists()
      .addColumn('uuid', t.id, (c) => c.primaryKey())
      .addColumn('number', t.bigint, (c) => c.notNull().unique())
      .addColumn('segment_uuid', t.id, (c) => c.notNull())
      .addColumn('name', t.name, (c) => c.notNull().unique())
      .addColumn('type', t.name, (c) => c.notNull())
      .addColumn('control_attributes', t.text, (c) => c.notNull())
      .addColumn('reserved', t.bool, (c) => c.notNull())
      .addColumn('on_maintenance', t.bool, (c) => c.notNull())
      .addColumn('used_by', t.id)
      .addColumn('created_at_ms', t.timeMs, (c) => c.notNull())
      .addColumn('updated_at_ms', t.timeMs)
      .execute();
    await db.schema
      .createTable('notifications')
      .ifNotExists()
      .addColumn('uuid', t.id, (c) => c.primaryKey())
      .addColumn('number', t.bigint, (c) => c.notNull().unique())
      .addColumn('host_uuid', t.id, (c) => c.notNull())
      .addColumn('host', t.name, (c) => c.notNull())
      .addColumn('type', t.id, (c) => c.notNull())
      .addColumn('generated_at_ms', t.timeMs, (c) => c.notNull())
      .addColumn('payload', t.json, (c) => c.notNull())
      .addColumn('status', t.id, (c) => c.notNull())
      .addColumn('incident_id', t.id)
      .addColumn('phase', t.id)
      .addColumn('phase_since_ms', t.timeMs)
      .addColumn('details', t.json, (c) => c.notNull())
      .addColumn('created_at_ms', t.timeMs, (c) => c.notNull())
      .addColumn('updated_at_ms', t.timeMs)
      .execute();
    await db.schema
      .createIndex('notifications_status')
      .ifNotExists()
      .on('notifications')
      .columns(['status', 'host'])
      .execute();
  },
};
