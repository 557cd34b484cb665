// What requests are making at other services at this moment.
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
