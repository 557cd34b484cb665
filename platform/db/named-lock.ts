// Makes transactions that decide on the same thing wait for each other, on every database. Called
// by stores before they count or compare.
import { sql, type Kysely } from 'kysely';
import type { Migration } from './migrate.ts';
import { isMysql } from './transaction.ts';

/** `name`: its place in the order of the service's own migrations. */
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
 * Waits until no other transaction holds the name, and holds it until this one ends. By a write
 * that always changes the row: Galera keeps row locks on one node alone, and refuses at its commit
 * the later of two transactions that changed the same row on different nodes; `transaction` then
 * runs it again. SQLite has one writer at a time: nothing to do. A name stays for good, so use few:
 * one a project, say.
 */
export async function holdName(trx: Kysely<any>, name: string): Promise<void> {
  if (!isMysql(trx)) return;
  await sql`insert into named_locks (name, turn) values (${name}, 1) on duplicate key update turn = turn + 1`.execute(
    trx,
  );
}
