// Table of the servers of a failed host, each with the outcome of its evacuation (masakari:
// vmoves).
import type { Migration } from '#platform/db/migrate.ts';

export const moves: Migration = {
  name: '0002-moves',
  up: async (db, t) =>
    await db.schema
      .createTable('moves')
      .ifNotExists()
      .addColumn('incident_id', t.id, (c) => c.notNull())
      .addColumn('server_id', t.id, (c) => c.notNull())
      .addColumn('uuid', t.id, (c) => c.notNull().unique())
      .addColumn('name', t.name, (c) => c.notNull())
      .addColumn('source_host', t.name, (c) => c.notNull())
      .addColumn('dest_host', t.name)
      .addColumn('status', t.id, (c) => c.notNull())
      .addColumn('priority', t.bigint, (c) => c.notNull())
      .addColumn('attempts', t.int, (c) => c.notNull())
      .addColumn('attempt_at_ms', t.timeMs, (c) => c.notNull())
      .addColumn('tried', t.json, (c) => c.notNull())
      .addColumn('stays_off', t.bool, (c) => c.notNull())
      .addColumn('started_at_ms', t.timeMs)
      .addColumn('ended_at_ms', t.timeMs)
      .addColumn('message', t.text)
      .addPrimaryKeyConstraint('moves_key', ['incident_id', 'server_id'])
      .execute(),
};
