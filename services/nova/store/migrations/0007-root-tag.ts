// What tenants call the disks their servers boot from.
import type { Migration } from '#platform/db/migrate.ts';

export const rootTag: Migration = {
  name: '0007-root-tag',
  up: async (db, t) => {
    await db.schema.alterTable('servers').addColumn('root_tag', t.name).execute();
  },
};
