// All tables of Placement's first release.
import type { Migration } from '#platform/db/migrate.ts';
import { insertIfAbsent } from '#platform/db/transaction.ts';

export const placementTables: Migration = {
  name: '0001-placement',
  up: async (db, t) => {
    await db.schema
      .createTable('resource_providers')
      .ifNotExists()
      .addColumn('uuid', t.id, (c) => c.primaryKey())
      .addColumn('name', t.name, (c) => c.notNull().unique())
      .addColumn('generation', t.bigint, (c) => c.notNull())
      .addColumn('parent_uuid', t.id)
      .addColumn('root_uuid', t.id, (c) => c.notNull())
      .addColumn('created_at_ms', t.timeMs, (c) => c.notNull())
      .addColumn('updated_at_ms', t.timeMs, (c) => c.notNull())
      .execute();
    await db.schema
      .createTable('inventories')
      .ifNotExists()
      .addColumn('provider_uuid', t.id, (c) => c.notNull())
      .addColumn('resource_class', t.name, (c) => c.notNull())
      .addColumn('total', t.bigint, (c) => c.notNull())
      .addColumn('reserved', t.bigint, (c) => c.notNull())
      .addColumn('min_unit', t.bigint, (c) => c.notNull())
      .addColumn('max_unit', t.bigint, (c) => c.notNull())
      .addColumn('step_size', t.bigint, (c) => c.notNull())
      .addColumn('allocation_ratio', t.double, (c) => c.notNull())
      .addPrimaryKeyConstraint('inventories_key', ['provider_uuid', 'resource_class'])
      .execute();
    for (const table of ['resource_classes', 'traits']) {
      await db.schema
        .createTable(table)
        .ifNotExists()
        .addColumn('name', t.name, (c) => c.primaryKey())
        .addColumn('created_at_ms', t.timeMs, (c) => c.notNull())
        .execute();
    }
    await db.schema
      .createTable('provider_traits')
      .ifNotExists()
      .addColumn('provider_uuid', t.id, (c) => c.notNull())
      .addColumn('trait', t.name, (c) => c.notNull())
      .addPrimaryKeyConstraint('provider_traits_key', ['provider_uuid', 'trait'])
      .execute();
    await db.schema
      .createTable('provider_aggregates')
      .ifNotExists()
      .addColumn('provider_uuid', t.id, (c) => c.notNull())
      .addColumn('aggregate_uuid', t.id, (c) => c.notNull())
      .addPrimaryKeyConstraint('provider_aggregates_key', ['provider_uuid', 'aggregate_uuid'])
      .execute();
    await db.schema
      .createTable('consumers')
      .ifNotExists()
      .addColumn('uuid', t.id, (c) => c.primaryKey())
      .addColumn('project_id', t.name, (c) => c.notNull())
      .addColumn('user_id', t.name, (c) => c.notNull())
      .addColumn('consumer_type', t.name)
      .addColumn('generation', t.bigint, (c) => c.notNull())
      .addColumn('created_at_ms', t.timeMs, (c) => c.notNull())
      .addColumn('updated_at_ms', t.timeMs, (c) => c.notNull())
      .execute();
    await db.schema
      .createIndex('consumers_by_project')
      .ifNotExists()
      .on('consumers')
      .columns(['project_id', 'user_id'])
      .execute();
    await db.schema
      .createTable('allocations')
      .ifNotExists()
      .addColumn('consumer_uuid', t.id, (c) => c.notNull())
      .addColumn('provider_uuid', t.id, (c) => c.notNull())
      .addColumn('resource_class', t.name, (c) => c.notNull())
      .addColumn('used', t.bigint, (c) => c.notNull())
      .addPrimaryKeyConstraint('allocations_key', [
        'consumer_uuid',
        'provider_uuid',
        'resource_class',
      ])
      .execute();
    await db.schema
      .createIndex('allocations_by_provider')
      .ifNotExists()
      .on('allocations')
      .columns(['provider_uuid', 'resource_class'])
      .execute();
    await db.schema
      .createTable('changes')
      .ifNotExists()
      .addColumn('id', t.int, (c) => c.primaryKey())
      .addColumn('version', t.bigint, (c) => c.notNull())
      .execute();
    await insertIfAbsent(db, 'changes', { id: 1, version: 0 });
  },
};
