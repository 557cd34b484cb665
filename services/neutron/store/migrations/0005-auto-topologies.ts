// Which network and router were made for a project that asked for no more than "a network".
import type { Migration } from '#platform/db/migrate.ts';

export const autoTopologies: Migration = {
  name: '0005-auto-topologies',
  up: async (db, t) => {
    await db.schema
      .createTable('auto_topologies')
      .ifNotExists()
      .addColumn('project_id', t.name, (c) => c.primaryKey())
      .addColumn('network_id', t.id, (c) => c.notNull())
      .addColumn('router_id', t.id, (c) => c.notNull())
      .execute();
  },
};
