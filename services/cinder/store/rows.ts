// What all stores of Cinder share: the database type, the scope of a caller, and lists as a single
// query.
import type { Kysely } from 'kysely';
import { sql } from 'kysely';
import type { CinderTables } from './tables.ts';

export type CinderDb = Kysely<CinderTables>;
/** The project whose objects a caller may see; null: all projects (admin). */
export type Scope = string | null;

export type Metadata = Record<string, string>;
// JSON written by this release or an earlier one
export const metadataIn = (text: string): Metadata => JSON.parse(text) as Metadata;

/** The tables with paged lists. */
export type ListedTable =
  | 'volumes'
  | 'snapshots'
  | 'backups'
  | 'messages'
  | 'transfers'
  | 'attachments';

/** A range of a time column, both ends included; with `outside` everything but that range. */
export interface TimeRange {
  column: string;
  fromMs?: number;
  toMs?: number;
  outside?: true;
}

export interface Listing {
  scope: Scope;
  /** Columns that must have one of the values; null among them also matches NULL. */
  equal: Readonly<Record<string, readonly (string | number | null)[]>>;
  /** Columns whose text must contain the given part. */
  contains?: Readonly<Record<string, string>>;
  /** Columns whose flat JSON object must have these entries. */
  entries?: Readonly<Record<string, Metadata>>;
  /** Times that must be in (or, with `outside`, out of) these ranges. */
  between?: readonly TimeRange[];
  /** The volume named by `volume_id` must be in one of these zones. */
  volumeZones?: readonly string[];
  order: readonly { column: string; direction: 'asc' | 'desc' }[];
  /** The last row of the previous page; undefined: first page. */
  marker?: Readonly<Record<string, unknown>> | undefined;
  offset: number;
  limit: number;
}

type Filtering = 'scope' | 'equal' | 'contains' | 'entries' | 'between' | 'volumeZones';

// Kysely cannot type a table chosen at run time; the columns come from tables of this service
// (api/list-query.ts), never from a caller.
type AnyDb = Kysely<any>;

export async function listRows<N extends ListedTable>(
  db: CinderDb,
  table: N,
  listing: Listing,
): Promise<CinderTables[N][]> {
  let query = filtered((db as unknown as AnyDb).selectFrom(table).selectAll(), listing);
  const { marker, order } = listing;
  if (marker) {
    // Rows behind the marker in sort order: (a > A) or (a = A and b > B) …
    query = query.where((eb: any) =>
      eb.or(
        order.map(({ column, direction }, index) =>
          eb.and([
            ...order
              .slice(0, index)
              .map((earlier) => sameAs(eb, earlier.column, marker[earlier.column])),
            after(eb, column, direction, marker[column]),
          ]),
        ),
      ),
    );
  }
  for (const { column, direction } of order) query = query.orderBy(column, direction);
  query = query.limit(listing.limit);
  return (await (
    listing.offset > 0 ? query.offset(listing.offset) : query
  ).execute()) as CinderTables[N][];
}

export async function countRows(
  db: CinderDb,
  table: ListedTable,
  listing: Pick<Listing, Filtering>,
): Promise<number> {
  const row = await filtered(
    (db as unknown as AnyDb).selectFrom(table).select(sql<number>`count(*)`.as('count')),
    listing,
  ).executeTakeFirstOrThrow();
  return Number(row.count);
}

// `any` for the same reason as AnyDb.
function filtered(
  start: any,
  { scope, equal, contains, entries, between, volumeZones }: Pick<Listing, Filtering>,
): any {
  let query = start;
  if (scope !== null) query = query.where('project_id', '=', scope);
  for (const [column, values] of Object.entries(equal)) {
    const named = values.filter((value) => value !== null);
    query = query.where((eb: any) =>
      eb.or([
        ...(named.length ? [eb(column, 'in', named)] : []),
        ...(values.includes(null) ? [eb(column, 'is', null)] : []),
        ...(values.length === 0 ? [sql<boolean>`1 = 0`] : []),
      ]),
    );
  }
  // instr instead of like: the text is the user's, and like has wildcards.
  for (const [column, part] of Object.entries(contains ?? {}))
    query = query.where(sql<boolean>`instr(${sql.ref(column)}, ${part}) > 0`);
  for (const [column, pairs] of Object.entries(entries ?? {})) {
    // The column was written by JSON.stringify, so that an entry appears in it exactly like this.
    for (const [key, value] of Object.entries(pairs))
      query = query.where(
        sql<boolean>`instr(${sql.ref(column)}, ${JSON.stringify({ [key]: value }).slice(1, -1)}) > 0`,
      );
  }
  if (volumeZones)
    query = query.where((eb: any) =>
      eb(
        'volume_id',
        'in',
        eb.selectFrom('volumes').select('id').where('availability_zone', 'in', volumeZones),
      ),
    );
  for (const { column, fromMs, toMs, outside } of between ?? []) {
    if (outside)
      query = query.where((eb: any) => eb.or([eb(column, '<', fromMs), eb(column, '>', toMs)]));
    else if (fromMs !== undefined) query = query.where(column, '>=', fromMs);
    if (!outside && toMs !== undefined) query = query.where(column, '<=', toMs);
  }
  return query;
}

function sameAs(eb: any, column: string, value: unknown) {
  return value === null ? eb(column, 'is', null) : eb(column, '=', value);
}

// NULL sorts first ascending and last descending in SQLite and MariaDB alike.
function after(eb: any, column: string, direction: 'asc' | 'desc', value: unknown) {
  if (value === null)
    return direction === 'asc' ? eb(column, 'is not', null) : eb(sql<number>`0`, '=', 1);
  return direction === 'asc'
    ? eb(column, '>', value)
    : eb.or([eb(column, '<', value), eb(column, 'is', null)]);
}
