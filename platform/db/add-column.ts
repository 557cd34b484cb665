// Adds a column in a migration, so that the migration may run again after a crash: MariaDB commits
// each statement. Called by migrations.
import { sql, type Kysely, type RawBuilder } from 'kysely';
import type { ColumnTypes } from './migrate.ts';
import { isMysql } from './transaction.ts';

/** May be null, unless it has a value in the rows that are there. */
export async function addColumn(
  schema: Kysely<any>,
  table: string,
  column: string,
  type: ColumnTypes[keyof ColumnTypes],
  valueBefore?: string | number,
): Promise<void> {
  // `type` is one of the table of migrate.ts, never a client's text
  const typeWords: RawBuilder<unknown> =
    typeof type === 'object' && 'as' in type ? type : sql.raw(String(type));
  const before = valueBefore === undefined ? sql`` : sql` not null default ${sql.lit(valueBefore)}`;
  const unlessThere = isMysql(schema) ? sql`if not exists ` : sql``;
  await sql`alter table ${sql.table(table)} add column ${unlessThere}${sql.ref(column)} ${typeWords}${before}`.execute(
    schema,
  );
}
