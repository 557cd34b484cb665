// Tables of all objects of all kinds, and of the last revision.
import type { Migration } from '#platform/db/migrate.ts';
import { insertIfAbsent } from '#platform/db/transaction.ts';

export const objects: Migration = {
  name: '0001-objects',
  up: async (db, t) => {
    await db.schema
      .createTable('objects')
      .ifNotExists()
      .addColumn('kind', t.name, (c) => c.notNull())
      .addColumn('namespace', t.name, (c) => c.notNull())
      .addColumn('name', t.name, (c) => c.notNull())
      .addColumn('revision', t.bigint, (c) => c.notNull())
      .addColumn('text', t.json, (c) => c.notNull())
      .addPrimaryKeyConstraint('objects_key', ['kind', 'namespace', 'name'])
      .execute();
    await db.schema
      .createTable('revisions')
      .ifNotExists()
      .addColumn('id', t.int, (c) => c.primaryKey())
      .addColumn('value', t.bigint, (c) => c.notNull())
      .execute();
    await insertIfAbsent(db, 'revisions', { id: 1, value: 1 });
  },
};
