// The network and router that "get me a network" created for a project.
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
