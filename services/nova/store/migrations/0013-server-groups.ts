// Table of server groups, with columns in servers for the group and for the host reserved in it.
import { addColumn } from '#platform/db/add-column.ts';
import type { Migration } from '#platform/db/migrate.ts';

export const serverGroups: Migration = {
  name: '0013-server-groups',
  up: async (db, t) => {
    await db.schema
      .createTable('server_groups')
      .ifNotExists()
      .addColumn('id', t.id, (c) => c.primaryKey())
      .addColumn('number', t.bigint, (c) => c.notNull().unique())
      .addColumn('project_id', t.id, (c) => c.notNull())
      .addColumn('user_id', t.id, (c) => c.notNull())
      .addColumn('name', t.name, (c) => c.notNull())
      .addColumn('policy', t.id, (c) => c.notNull())
      .addColumn('max_server_per_host', t.int)
      .addColumn('generation', t.bigint, (c) => c.notNull())
      .addColumn('joins', t.bigint, (c) => c.notNull())
      .addColumn('created_at_ms', t.timeMs, (c) => c.notNull())
      .execute();
    await db.schema
      .createIndex('server_groups_by_project')
      .ifNotExists()
      .on('server_groups')
      .columns(['project_id', 'number'])
      .execute();
    await addColumn(db, 'servers', 'server_group_id', t.id);
    await addColumn(db, 'servers', 'reserved_host', t.name);
    await db.schema
      .createIndex('servers_by_group')
      .ifNotExists()
      .on('servers')
      .columns(['server_group_id', 'deleted_at_ms'])
      .execute();
  },
};
