// Table of resources that requests are creating at other services. Replaced by
// 0010-pending-resources.ts.
import type { Migration } from '#platform/db/migrate.ts';

export const makings: Migration = {
  name: '0006-makings',
  up: async (db, t) => {
    await db.schema
      .createTable('makings')
      .ifNotExists()
      .addColumn('id', t.id, (c) => c.notNull().primaryKey())
      .addColumn('given_up', t.bool, (c) => c.notNull())
      .addColumn('kept', t.int, (c) => c.notNull())
      .addColumn('alive_until_ms', t.timeMs, (c) => c.notNull())
      .execute();
  },
};
