// Table of the guests that have run in a host's current boot and were not stopped since: a guest in
// it that is crashed now has died.
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
