// Subnet pools, quotas, agents, and the journal of objects to be written to OVN.
import type { Migration } from '#platform/db/migrate.ts';
import { standard } from './0001-networks.ts';

export const subnetPools: Migration = {
  name: '0004-house',
  up: async (db, t) => {
    await standard(db.schema.createTable('subnetpools').ifNotExists(), t)
      .addColumn('name', t.name, (c) => c.notNull())
      .addColumn('tags', t.text, (c) => c.notNull())
      .addColumn('ip_version', t.int, (c) => c.notNull())
      .addColumn('prefixes_json', t.json, (c) => c.notNull())
      .addColumn('default_prefixlen', t.int, (c) => c.notNull())
      .addColumn('min_prefixlen', t.int, (c) => c.notNull())
      .addColumn('max_prefixlen', t.int, (c) => c.notNull())
      .addColumn('default_quota', t.bigint)
      .addColumn('shared', t.bool, (c) => c.notNull())
      .addColumn('is_default', t.bool, (c) => c.notNull())
      .execute();
    await db.schema
      .createTable('quotas')
      .ifNotExists()
      .addColumn('project_id', t.name, (c) => c.notNull())
      .addColumn('resource', t.id, (c) => c.notNull())
      .addColumn('value', t.int, (c) => c.notNull())
      .addPrimaryKeyConstraint('quotas_key', ['project_id', 'resource'])
      .execute();
    await db.schema
      .createTable('agents')
      .ifNotExists()
      .addColumn('id', t.id, (c) => c.primaryKey())
      .addColumn('agent_type', t.id, (c) => c.notNull())
      .addColumn('binary', t.id, (c) => c.notNull())
      .addColumn('host', t.name, (c) => c.notNull())
      .addColumn('availability_zone', t.name, (c) => c.notNull())
      .addColumn('topic', t.name, (c) => c.notNull())
      .addColumn('description', t.text)
      .addColumn('admin_state_up', t.bool, (c) => c.notNull())
      .addColumn('configurations_json', t.json, (c) => c.notNull())
      .addColumn('created_at_ms', t.timeMs, (c) => c.notNull())
      .addColumn('started_at_ms', t.timeMs, (c) => c.notNull())
      .addColumn('heartbeat_at_ms', t.timeMs, (c) => c.notNull())
      .addUniqueConstraint('agents_place', ['agent_type', 'host'])
      .execute();
    await db.schema
      .createTable('sdn_changes')
      .ifNotExists()
      .addColumn('seq', 'integer', (c) => c.primaryKey().autoIncrement())
      .addColumn('kind', t.id, (c) => c.notNull())
      .addColumn('subject_id', t.id, (c) => c.notNull())
      .execute();
    await db.schema
      .createTable('marks')
      .ifNotExists()
      .addColumn('name', t.name, (c) => c.primaryKey())
      .execute();
  },
};
