// Adds a column in a migration, so that the migration may run again after a crash: MariaDB commits
// each statement. Called by migrations.
import { sql, type Kysely, type RawBuilder } from 'kysely';
import type { ColumnTypes } from './migrate.ts';
import { isMysql } from './transaction.ts';

/**
 * Adds a nullable column, or one that is not null with `valueBefore` as its value in existing rows.
 */
export async function addColumn(
  schema: Kysely<any>,
  table: string,
  column: string,
  type: ColumnTypes[keyof ColumnTypes],
  valueBefore?: string | number,
): Promise<void> {
  // Safe as raw SQL: `type` is one of the column types of migrate.ts, never text of a client.
  const typeWords: RawBuilder<unknown> =
    typeof type === 'object' && 'as' in type ? type : sql.raw(String(type));
  const before = valueBefore === undefined ? sql`` : sql` not null default ${sql.lit(valueBefore)}`;
  const unlessThere = isMysql(schema) ? sql`if not exists ` : sql``;
  await sql`alter table ${sql.table(table)} add column ${unlessThere}${sql.ref(column)} ${typeWords}${before}`.execute(
    schema,
  );
}
