// The migrations of the saga engine's tables. Every service with sagas lists both.
import { sql } from 'kysely';
import type { Migration } from '../db/migrate.ts';
import { isMysql } from '../db/transaction.ts';

export const sagaMigration: Migration = {
  name: '0001-sagas',
  up: async (schema, types) => {
    await schema.schema
      .createTable('sagas')
      .ifNotExists()
      .addColumn('seq', types.bigint, (column) => column.notNull())
      .addColumn('id', types.id, (column) => column.primaryKey())
      .addColumn('name', types.name, (column) => column.notNull())
      .addColumn('lock_key', types.name, (column) => column.notNull())
      .addColumn('input', types.json, (column) => column.notNull())
      .addColumn('state', types.json, (column) => column.notNull())
      .addColumn('phase', types.id, (column) => column.notNull())
      .addColumn('position', types.int, (column) => column.notNull())
      .addColumn('fault', types.json)
      .addColumn('cancelled', types.bool, (column) => column.notNull())
      .addColumn('request_id', types.id, (column) => column.notNull())
      .addColumn('owner', types.id)
      .addColumn('lease_until_ms', types.timeMs, (column) => column.notNull())
      .addColumn('created_at_ms', types.timeMs, (column) => column.notNull())
      .execute();
    await schema.schema
      .createIndex('sagas_by_lock')
      .ifNotExists()
      .on('sagas')
      .columns(['lock_key', 'seq'])
      .execute();
  },
};

/**
 * Adds `saga_keys` and claims, so that several processes may run the sagas of one database. `name`:
 * the migration's name, which gives its place in the order of the service's migrations.
 */
export const sagaKeysMigration = (name: string): Migration => ({
  name,
  up: async (schema, types) => {
    // `if not exists`: MariaDB commits each statement, so after a crash this may run a second time.
    await (
      isMysql(schema)
        ? sql`alter table sagas add column if not exists claim bigint not null default 0`
        : sql`alter table sagas add column claim integer not null default 0`
    ).execute(schema);
    await schema.schema
      .createTable('saga_keys')
      .ifNotExists()
      .addColumn('lock_key', types.name, (column) => column.primaryKey())
      .addColumn('last_seq', types.bigint, (column) => column.notNull())
      .addColumn('last_claim', types.bigint, (column) => column.notNull())
      .addColumn('used_at_ms', types.timeMs, (column) => column.notNull())
      .execute();
    // Unfinished sagas keep their order: the key's counter starts at the greatest seq they have.
    await sql`
      insert into saga_keys (lock_key, last_seq, last_claim, used_at_ms)
      select lock_key, max(seq), 0, max(created_at_ms) from sagas
      where lock_key not in (select lock_key from saga_keys)
      group by lock_key
    `.execute(schema);
  },
});
