// Compute services whose agent has said that it stops: down at once, not only when its heartbeats
// have been missing for a while.
import type { Migration } from '#platform/db/migrate.ts';

export const stoppedServices: Migration = {
  name: '0008-stopped-services',
  up: async (db, t) => {
    await db.schema
      .alterTable('services')
      .addColumn('stopped', t.bool, (c) => c.notNull().defaultTo(0))
      .execute();
  },
};
