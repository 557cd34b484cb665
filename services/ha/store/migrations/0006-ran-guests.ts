// Which guests of a host have run in its boot, and were not switched off since: one that is off now
// has died then.
import type { Migration } from '#platform/db/migrate.ts';

export const ranGuests: Migration = {
  name: '0006-ran-guests',
  up: async (db, t) =>
    await db.schema
      .createTable('ran_guests')
      .ifNotExists()
      .addColumn('host', t.name, (c) => c.primaryKey())
      .addColumn('boot_id', t.name, (c) => c.notNull())
      .addColumn('ran', t.json, (c) => c.notNull())
      .execute(),
};
