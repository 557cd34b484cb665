// Serialises transactions that decide on the same thing (e.g. a project's quota), on every
// database. Called by stores before they count or compare.
import { sql, type Kysely } from 'kysely';
import type { Migration } from './migrate.ts';
import { isMysql } from './transaction.ts';

/**
 * Creates the table of named locks. `name`: the migration's name, which gives its place in the
 * order of the service's migrations.
 */
export const namedLocksMigration = (name: string): Migration => ({
  name,
  up: async (schema, types) =>
    await schema.schema
      .createTable('named_locks')
      .ifNotExists()
      .addColumn('name', types.name, (column) => column.primaryKey())
      .addColumn('turn', types.bigint, (column) => column.notNull())
      .execute(),
});

/**
 * Waits until no other transaction holds the named lock, and holds it until this transaction ends.
 * The lock is a write that always changes its row, because Galera keeps row locks on one node only:
 * of two transactions that changed the same row on different nodes it refuses the later at commit,
 * and `transaction` runs it again. Does nothing on SQLite, which has one writer at a time. Rows are
 * never deleted, so use few names, e.g. one for each project.
 */
export async function holdName(trx: Kysely<any>, name: string): Promise<void> {
  if (!isMysql(trx)) return;
  await sql`insert into named_locks (name, turn) values (${name}, 1) on duplicate key update turn = turn + 1`.execute(
    trx,
  );
}
