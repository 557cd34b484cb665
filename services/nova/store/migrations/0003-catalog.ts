// Tables of flavors, keypairs, hosts, aggregates and quotas.
import type { Migration } from '#platform/db/migrate.ts';

export const catalog: Migration = {
  name: '0003-catalog',
  up: async (db, t) => {
    await db.schema
      .createTable('flavors')
      .ifNotExists()
      .addColumn('flavor_id', t.name, (c) => c.primaryKey())
      .addColumn('name', t.name, (c) => c.notNull().unique())
      .addColumn('memory_mib', t.int, (c) => c.notNull())
      .addColumn('vcpus', t.int, (c) => c.notNull())
      .addColumn('disk_gib', t.int, (c) => c.notNull())
      .addColumn('ephemeral_gib', t.int, (c) => c.notNull())
      .addColumn('swap_mib', t.int, (c) => c.notNull())
      .addColumn('rxtx_factor', t.double, (c) => c.notNull())
      .addColumn('is_public', t.bool, (c) => c.notNull())
      .addColumn('disabled', t.bool, (c) => c.notNull())
      .addColumn('description', t.text)
      .addColumn('extra_specs', t.json, (c) => c.notNull())
      .addColumn('created_at_ms', t.timeMs, (c) => c.notNull())
      .execute();
    await db.schema
      .createTable('flavor_access')
      .ifNotExists()
      .addColumn('flavor_id', t.name, (c) => c.notNull())
      .addColumn('project_id', t.id, (c) => c.notNull())
      .addPrimaryKeyConstraint('flavor_access_key', ['flavor_id', 'project_id'])
      .execute();
    await db.schema
      .createTable('keypairs')
      .ifNotExists()
      .addColumn('user_id', t.id, (c) => c.notNull())
      .addColumn('name', t.name, (c) => c.notNull())
      .addColumn('id', t.bigint, (c) => c.notNull())
      .addColumn('type', t.id, (c) => c.notNull())
      .addColumn('public_key', t.text, (c) => c.notNull())
      .addColumn('fingerprint', t.name, (c) => c.notNull())
      .addColumn('created_at_ms', t.timeMs, (c) => c.notNull())
      .addPrimaryKeyConstraint('keypairs_key', ['user_id', 'name'])
      .execute();
    await db.schema
      .createTable('services')
      .ifNotExists()
      .addColumn('id', t.bigint, (c) => c.primaryKey())
      .addColumn('uuid', t.id, (c) => c.notNull().unique())
      .addColumn('binary', t.name, (c) => c.notNull())
      .addColumn('host', t.name, (c) => c.notNull())
      .addColumn('disabled', t.bool, (c) => c.notNull())
      .addColumn('disabled_reason', t.text)
      .addColumn('forced_down', t.bool, (c) => c.notNull())
      .addColumn('last_seen_ms', t.timeMs, (c) => c.notNull())
      .addColumn('created_at_ms', t.timeMs, (c) => c.notNull())
      .addColumn('updated_at_ms', t.timeMs, (c) => c.notNull())
      .addUniqueConstraint('services_by_host', ['host', 'binary'])
      .execute();
    await db.schema
      .createTable('compute_nodes')
      .ifNotExists()
      .addColumn('uuid', t.id, (c) => c.primaryKey())
      .addColumn('id', t.bigint, (c) => c.notNull().unique())
      .addColumn('host', t.name, (c) => c.notNull().unique())
      .addColumn('facts', t.json, (c) => c.notNull())
      .addColumn('version', t.name, (c) => c.notNull())
      .addColumn('updated_at_ms', t.timeMs, (c) => c.notNull())
      .execute();
    await db.schema
      .createTable('aggregates')
      .ifNotExists()
      .addColumn('id', t.bigint, (c) => c.primaryKey())
      .addColumn('uuid', t.id, (c) => c.notNull())
      .addColumn('name', t.name, (c) => c.notNull().unique())
      .addColumn('metadata', t.json, (c) => c.notNull())
      .addColumn('created_at_ms', t.timeMs, (c) => c.notNull())
      .addColumn('updated_at_ms', t.timeMs)
      .execute();
    await db.schema
      .createTable('aggregate_hosts')
      .ifNotExists()
      .addColumn('aggregate_id', t.bigint, (c) => c.notNull())
      .addColumn('host', t.name, (c) => c.notNull())
      .addPrimaryKeyConstraint('aggregate_hosts_key', ['aggregate_id', 'host'])
      .execute();
    await db.schema
      .createTable('quotas')
      .ifNotExists()
      .addColumn('project_id', t.id, (c) => c.notNull())
      .addColumn('user_id', t.id, (c) => c.notNull())
      .addColumn('resource', t.id, (c) => c.notNull())
      .addColumn('hard_limit', t.bigint, (c) => c.notNull())
      .addPrimaryKeyConstraint('quotas_key', ['project_id', 'user_id', 'resource'])
      .execute();
    await db.schema
      .createTable('quota_locks')
      .ifNotExists()
      .addColumn('project_id', t.id, (c) => c.primaryKey())
      .addColumn('touched', t.bigint, (c) => c.notNull())
      .execute();
  },
};
