// Regions, services and their endpoints.
import type { Migration } from '#platform/db/migrate.ts';

export const catalog: Migration = {
  name: '0002-catalog',
  up: async (db, t) => {
    await db.schema
      .createTable('region')
      .ifNotExists()
      .addColumn('id', t.name, (c) => c.primaryKey())
      .addColumn('parent_region_id', t.name)
      .addColumn('description', t.text, (c) => c.notNull())
      .addColumn('extra', t.json, (c) => c.notNull())
      .execute();
    await db.schema
      .createTable('service')
      .ifNotExists()
      .addColumn('id', t.id, (c) => c.primaryKey())
      .addColumn('type', t.name, (c) => c.notNull())
      .addColumn('name', t.name, (c) => c.notNull())
      .addColumn('enabled', t.bool, (c) => c.notNull())
      .addColumn('extra', t.json, (c) => c.notNull())
      .execute();
    await db.schema
      .createTable('endpoint')
      .ifNotExists()
      .addColumn('id', t.id, (c) => c.primaryKey())
      .addColumn('service_id', t.id, (c) => c.notNull())
      .addColumn('interface', 'varchar(8)', (c) => c.notNull())
      .addColumn('region_id', t.name)
      .addColumn('url', t.text, (c) => c.notNull())
      .addColumn('enabled', t.bool, (c) => c.notNull())
      .addColumn('extra', t.json, (c) => c.notNull())
      .addForeignKeyConstraint('endpoint_service', ['service_id'], 'service', ['id'], (k) =>
        k.onDelete('cascade'),
      )
      .addForeignKeyConstraint('endpoint_region', ['region_id'], 'region', ['id'])
      .execute();
  },
};
