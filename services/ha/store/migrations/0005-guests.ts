// Table of guests that died on hosts that are alive, with the number of restarts.
import type { Migration } from '#platform/db/migrate.ts';

export const guests: Migration = {
  name: '0005-guests',
  up: async (db, t) =>
    await db.schema
      .createTable('guests')
      .ifNotExists()
      .addColumn('server_id', t.id, (c) => c.primaryKey())
      .addColumn('host', t.name, (c) => c.notNull())
      .addColumn('name', t.name, (c) => c.notNull())
      .addColumn('attempts', t.int, (c) => c.notNull())
      .addColumn('last_at_ms', t.timeMs, (c) => c.notNull())
      .addColumn('given_up', t.bool, (c) => c.notNull())
      .addColumn('message', t.text, (c) => c.notNull())
      .execute(),
};
