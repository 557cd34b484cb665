// Security groups and their rules.
import type { Migration } from '#platform/db/migrate.ts';
import { standard } from './0001-networks.ts';

export const securityGroups: Migration = {
  name: '0003-security-groups',
  up: async (db, t) => {
    await standard(db.schema.createTable('security_groups').ifNotExists(), t)
      .addColumn('name', t.name, (c) => c.notNull())
      .addColumn('tags', t.text, (c) => c.notNull())
      .addColumn('stateful', t.bool, (c) => c.notNull())
      .addColumn('is_default', t.bool, (c) => c.notNull())
      .execute();
    await db.schema
      .createIndex('security_groups_by_project_id')
      .ifNotExists()
      .on('security_groups')
      .column('project_id')
      .execute();
    await standard(db.schema.createTable('security_group_rules').ifNotExists(), t)
      .addColumn('security_group_id', t.id, (c) => c.notNull())
      .addColumn('direction', t.id, (c) => c.notNull())
      .addColumn('ethertype', t.id, (c) => c.notNull())
      .addColumn('protocol', t.id)
      .addColumn('port_range_min', t.int)
      .addColumn('port_range_max', t.int)
      .addColumn('remote_group_id', t.id)
      .addColumn('remote_ip_prefix', t.id)
      .addColumn('normalized_cidr', t.id)
      .execute();
    for (const column of ['project_id', 'security_group_id', 'remote_group_id'])
      await db.schema
        .createIndex(`security_group_rules_by_${column}`)
        .ifNotExists()
        .on('security_group_rules')
        .column(column)
        .execute();
    await db.schema
      .createTable('default_security_groups')
      .ifNotExists()
      .addColumn('project_id', t.name, (c) => c.primaryKey())
      .addColumn('security_group_id', t.id, (c) => c.notNull())
      .execute();
  },
};
