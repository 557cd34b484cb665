// Endpoint filters for projects, and OAuth consumers.
import type { Migration } from '#platform/db/migrate.ts';

export const extensions: Migration = {
  name: '0004-extensions',
  up: async (db, t) => {
    await db.schema
      .createTable('endpoint_group')
      .ifNotExists()
      .addColumn('id', t.id, (c) => c.primaryKey())
      .addColumn('name', t.name, (c) => c.notNull())
      .addColumn('description', t.text)
      .addColumn('filters', t.json, (c) => c.notNull())
      .execute();
    await db.schema
      .createTable('project_endpoint_group')
      .ifNotExists()
      .addColumn('project_id', t.id, (c) => c.notNull())
      .addColumn('endpoint_group_id', t.id, (c) => c.notNull())
      .addPrimaryKeyConstraint('project_endpoint_group_pk', ['project_id', 'endpoint_group_id'])
      .addForeignKeyConstraint(
        'project_endpoint_group_project',
        ['project_id'],
        'project',
        ['id'],
        (k) => k.onDelete('cascade'),
      )
      .addForeignKeyConstraint(
        'project_endpoint_group_group',
        ['endpoint_group_id'],
        'endpoint_group',
        ['id'],
        (k) => k.onDelete('cascade'),
      )
      .execute();
    await db.schema
      .createTable('project_endpoint')
      .ifNotExists()
      .addColumn('project_id', t.id, (c) => c.notNull())
      .addColumn('endpoint_id', t.id, (c) => c.notNull())
      .addPrimaryKeyConstraint('project_endpoint_pk', ['project_id', 'endpoint_id'])
      .addForeignKeyConstraint('project_endpoint_project', ['project_id'], 'project', ['id'], (k) =>
        k.onDelete('cascade'),
      )
      .addForeignKeyConstraint(
        'project_endpoint_endpoint',
        ['endpoint_id'],
        'endpoint',
        ['id'],
        (k) => k.onDelete('cascade'),
      )
      .execute();
    await db.schema
      .createTable('consumer')
      .ifNotExists()
      .addColumn('id', t.id, (c) => c.primaryKey())
      .addColumn('description', t.text)
      .addColumn('secret', t.id, (c) => c.notNull())
      .addColumn('extra', t.json, (c) => c.notNull())
      .execute();
  },
};
