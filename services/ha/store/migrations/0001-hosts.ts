// Tables of hosts, heartbeats and incidents.
import type { Migration } from '#platform/db/migrate.ts';

export const hosts: Migration = {
  name: '0001-hosts',
  up: async (db, t) => {
    await db.schema
      .createTable('hosts')
      .ifNotExists()
      .addColumn('host', t.name, (c) => c.primaryKey())
      .addColumn('zone', t.name, (c) => c.notNull())
      .addColumn('service_id', t.id, (c) => c.notNull())
      .addColumn('enabled', t.bool, (c) => c.notNull())
      .addColumn('state', t.id, (c) => c.notNull())
      .addColumn('since_ms', t.timeMs, (c) => c.notNull())
      .addColumn('generation', t.bigint, (c) => c.notNull())
      .addColumn('reason', t.text, (c) => c.notNull())
      .addColumn('incident_id', t.id)
      .execute();
    await db.schema
      .createTable('heartbeats')
      .ifNotExists()
      .addColumn('host', t.name, (c) => c.primaryKey())
      .addColumn('boot_id', t.name, (c) => c.notNull())
      .addColumn('beats', t.bigint, (c) => c.notNull())
      .addColumn('received_at_ms', t.timeMs, (c) => c.notNull())
      .addColumn('uptime_s', t.bigint, (c) => c.notNull())
      .addColumn('address', t.name, (c) => c.notNull())
      .addColumn('guests', t.json, (c) => c.notNull())
      .addColumn('self_fencing_ms', t.bigint)
      .addColumn('saw', t.json, (c) => c.notNull())
      .execute();
    await db.schema
      .createTable('incidents')
      .ifNotExists()
      .addColumn('id', t.id, (c) => c.primaryKey())
      .addColumn('host', t.name, (c) => c.notNull())
      .addColumn('boot_id', t.name)
      .addColumn('began_at_ms', t.timeMs, (c) => c.notNull())
      .addColumn('ended_at_ms', t.timeMs)
      .addColumn('fencing_since_ms', t.timeMs)
      .addColumn('off_taken', t.bool, (c) => c.notNull())
      .addColumn('off_readings', t.int, (c) => c.notNull())
      .addColumn('bmc_silent_since_ms', t.timeMs)
      .addColumn('released', t.bool, (c) => c.notNull())
      .addColumn('entries', t.bigint, (c) => c.notNull())
      .execute();
    await db.schema
      .createTable('incident_entries')
      .ifNotExists()
      .addColumn('incident_id', t.id, (c) => c.notNull())
      .addColumn('seq', t.bigint, (c) => c.notNull())
      .addColumn('at_ms', t.timeMs, (c) => c.notNull())
      .addColumn('what', t.text, (c) => c.notNull())
      .addColumn('detail', t.json, (c) => c.notNull())
      .addPrimaryKeyConstraint('incident_entries_key', ['incident_id', 'seq'])
      .execute();
  },
};
