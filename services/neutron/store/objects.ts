// Reads and writes that are the same for all kinds of objects: by id, by many ids, and changes that
// bump the revision.
import { sql } from 'kysely';
import type { ListedTable, Listing, Scope } from './list.ts';
import { visibleTo } from './list.ts';
import type { NeutronTables } from './tables.ts';
import type { NeutronDb, NeutronTrx } from './write.ts';

export type RowOf<T extends ListedTable> = NeutronTables[T];

/** The object if `scope` may see it; undefined: it may not, or the object does not exist. */
export async function findVisible<T extends ListedTable>(
  db: NeutronDb,
  listing: Listing & { table: T },
  id: string,
  scope: Scope,
): Promise<RowOf<T> | undefined> {
  const { rows } = await sql<
    RowOf<T>
  >`select * from ${sql.table(listing.table)} where ${sql.join([sql`id = ${id}`, ...visibleTo(listing, scope)], sql` and `)}`.execute(
    db,
  );
  return rows[0];
}

export async function findByIds<T extends ListedTable>(
  db: NeutronDb,
  table: T,
  ids: readonly string[],
): Promise<RowOf<T>[]> {
  if (ids.length === 0) return [];
  const { rows } = await sql<
    RowOf<T>
  >`select * from ${sql.table(table)} where id in (${sql.join(ids)})`.execute(db);
  return rows;
}

/**
 * Sets columns and update time, and bumps the revision. With `ifRevision` only if the row has that
 * revision; false: it had another one, and nothing was changed.
 */
export async function changeRow<T extends ListedTable>(
  db: NeutronDb,
  table: T,
  id: string,
  changes: Partial<RowOf<T>>,
  nowMs: number,
  ifRevision?: number,
): Promise<boolean> {
  const sets = Object.entries(changes)
    .filter(([, value]) => value !== undefined)
    .map(([column, value]) => sql`${sql.ref(column)} = ${value}`);
  const result =
    await sql`update ${sql.table(table)} set ${sql.join([...sets, sql`updated_at_ms = ${nowMs}`, sql`revision_number = revision_number + 1`])}
    where id = ${id} ${ifRevision === undefined ? sql`` : sql`and revision_number = ${ifRevision}`}`.execute(
      db,
    );
  return (result.numAffectedRows ?? 0n) > 0n;
}

export async function insertRow<T extends ListedTable>(
  trx: NeutronTrx,
  table: T,
  row: RowOf<T>,
): Promise<void> {
  // the only types that a table's columns have
  const [columns, values] = [Object.keys(row), Object.values(row) as (string | number | null)[]];
  await sql`insert into ${sql.table(table)} (${sql.join(columns.map((column) => sql.ref(column)))}) values (${sql.join(values)})`.execute(
    trx,
  );
}

/**
 * Sets columns without bumping the revision, for callers that bump it with the rest of the change.
 */
export async function setColumns<T extends ListedTable>(
  trx: NeutronTrx,
  table: T,
  id: string,
  columns: Partial<RowOf<T>>,
): Promise<void> {
  await sql`update ${sql.table(table)} set ${sql.join(Object.entries(columns).map(([column, value]) => sql`${sql.ref(column)} = ${value}`))} where id = ${id}`.execute(
    trx,
  );
}

export async function deleteRow(db: NeutronDb, table: ListedTable, id: string): Promise<boolean> {
  const result = await sql`delete from ${sql.table(table)} where id = ${id}`.execute(db);
  return (result.numAffectedRows ?? 0n) > 0n;
}

/** How many objects of this kind count against a project's quota. */
export async function countOf(
  db: NeutronDb,
  table: ListedTable,
  projectId: string,
): Promise<number> {
  const { rows } = await sql<{
    count: number;
  }>`select count(*) as count from ${sql.table(table)} where project_id = ${projectId}`.execute(db);
  return Number(rows[0]?.count ?? 0);
}
