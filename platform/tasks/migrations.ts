// The table of task leases. Every service that has a task of scope `one` lists it among its
// migrations.
import type { Migration } from '../db/migrate.ts';

/**
 * Creates the table of task leases. `name`: the migration's name, which gives its place in the
 * order of the service's migrations.
 */
export const taskLeasesMigration = (name: string): Migration => ({
  name,
  up: async (schema, types) =>
    await schema.schema
      .createTable('task_leases')
      .ifNotExists()
      .addColumn('name', types.name, (column) => column.primaryKey())
      .addColumn('owner', types.name)
      .addColumn('token', types.bigint, (column) => column.notNull())
      .addColumn('lease_until_ms', types.timeMs, (column) => column.notNull())
      .addColumn('ran_at_ms', types.timeMs, (column) => column.notNull())
      .execute(),
});
