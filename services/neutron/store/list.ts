// List queries: only ids and revisions of the objects that the caller may see, filtered, sorted and
// paged. The objects themselves come from the view cache, or are read by id.
import type { RawBuilder } from 'kysely';
import { sql } from 'kysely';
import type { NeutronDb } from './write.ts';

export type ListedTable =
  | 'networks'
  | 'subnets'
  | 'ports'
  | 'routers'
  | 'floating_ips'
  | 'security_groups'
  | 'security_group_rules'
  | 'subnetpools';
/** The project whose objects are visible; null: those of all projects. */
export type Scope = string | null;
export type ColumnKind = 'text' | 'bool' | 'int' | 'time' | 'json';

export interface Listing {
  table: ListedTable;
  /** Attribute name to column, and how the column stores the value. */
  columns: Readonly<Record<string, { column: string; kind: ColumnKind }>>;
  /** Filters that are more than a comparison with a column. */
  special?: Readonly<Record<string, (values: readonly string[]) => RawBuilder<boolean>>>;
  /** Special filters whose values are booleans. */
  specialBooleans?: readonly string[];
  /** Objects of other projects that a project may see, e.g. shared ones. */
  alsoVisible?: (projectId: string) => RawBuilder<boolean>;
}

export interface ListOrder {
  keys: readonly { column: string; direction: 'asc' | 'desc' }[];
  /** The last object of the previous page: its values in the key columns. undefined: first page. */
  after: readonly (string | number | null)[] | undefined;
  limit: number | undefined;
}

export interface ListedRow {
  id: string;
  revision_number: number;
}

const never = sql<boolean>`1 = 0`;

export async function listIds(
  db: NeutronDb,
  listing: Listing,
  scope: Scope,
  filters: readonly RawBuilder<boolean>[],
  order: ListOrder,
): Promise<ListedRow[]> {
  const where = [...visibleTo(listing, scope), ...filters];
  if (order.after) where.push(behind(order.keys, order.after));
  const { rows } = await sql<ListedRow>`select id, revision_number from ${sql.table(listing.table)}
    ${where.length > 0 ? sql`where ${sql.join(where, sql` and `)}` : sql``}
    order by ${sql.join(order.keys.map(({ column, direction }) => sql`${sql.ref(column)} ${sql.raw(direction)}`))}
    ${order.limit === undefined ? sql`` : sql`limit ${sql.lit(order.limit)}`}`.execute(db);
  return rows;
}

export const visibleTo = (
  listing: Pick<Listing, 'alsoVisible'>,
  scope: Scope,
): RawBuilder<boolean>[] =>
  scope === null
    ? []
    : [
        listing.alsoVisible
          ? sql<boolean>`(project_id = ${scope} or ${listing.alsoVisible(scope)})`
          : sql<boolean>`project_id = ${scope}`,
      ];

/**
 * Rows behind these values in sort order. NULL sorts first ascending, last descending, in SQLite
 * and in MariaDB.
 */
function behind(
  keys: ListOrder['keys'],
  values: readonly (string | number | null)[],
): RawBuilder<boolean> {
  const same = (column: string, value: string | number | null) =>
    value === null
      ? sql<boolean>`${sql.ref(column)} is null`
      : sql<boolean>`${sql.ref(column)} = ${value}`;
  const after = (
    { column, direction }: ListOrder['keys'][number],
    value: string | number | null,
  ) => {
    if (value === null)
      return direction === 'asc' ? sql<boolean>`${sql.ref(column)} is not null` : never;
    return direction === 'asc'
      ? sql<boolean>`${sql.ref(column)} > ${value}`
      : sql<boolean>`(${sql.ref(column)} < ${value} or ${sql.ref(column)} is null)`;
  };
  const cases = keys.map(
    (key, index) =>
      sql<boolean>`(${sql.join([...keys.slice(0, index).map(({ column }, at) => same(column, values[at] ?? null)), after(key, values[index] ?? null)], sql` and `)})`,
  );
  return sql<boolean>`(${sql.join(cases, sql` or `)})`;
}

/** `column` equals one of the values, given as texts of a query string. */
export function oneOfValues(
  { column, kind }: { column: string; kind: ColumnKind },
  values: readonly string[],
): RawBuilder<boolean> {
  const ref = sql.ref(column);
  if (kind === 'json')
    return sql<boolean>`(${sql.join(
      values.map((value) => sql`instr(${ref}, ${JSON.stringify(value)}) > 0`),
      sql` or `,
    )})`;
  const stored = values.flatMap((value) => storedAs(kind, value));
  const cases = [
    ...(stored.length > 0 ? [sql`${ref} in (${sql.join(stored)})`] : []),
    ...(kind !== 'bool' && values.some((value) => value === '' || value === 'None')
      ? [sql`${ref} is null`]
      : []),
  ];
  return cases.length > 0 ? sql<boolean>`(${sql.join(cases, sql` or `)})` : never;
}

function storedAs(kind: ColumnKind, value: string): (string | number)[] {
  switch (kind) {
    case 'text':
    case 'json':
      return [value];
    case 'int':
      return /^-?\d{1,15}$/.test(value) ? [Number(value)] : [];
    case 'bool':
      return /^(true|1)$/i.test(value) ? [1] : /^(false|0)$/i.test(value) ? [0] : [];
    case 'time':
      return Number.isNaN(Date.parse(value)) ? [] : [Date.parse(value)];
  }
}

export async function markerValues(
  db: NeutronDb,
  listing: Listing,
  scope: Scope,
  id: string,
  keys: ListOrder['keys'],
): Promise<(string | number | null)[] | undefined> {
  const { rows } = await sql<
    Record<string, string | number | null>
  >`select * from ${sql.table(listing.table)} where ${sql.join([sql`id = ${id}`, ...visibleTo(listing, scope)], sql` and `)}`.execute(
    db,
  );
  const [row] = rows;
  return row && keys.map(({ column }) => row[column] ?? null);
}

/**
 * The condition for a filter by tags. `tags`: has all of them; `tags-any`: has at least one;
 * `not-…`: the negation. https://docs.openstack.org/api-ref/network/v2/#filtering-by-tags
 */
export function taggedWith(
  filter: 'tags' | 'tags-any' | 'not-tags' | 'not-tags-any',
  tags: readonly string[],
): RawBuilder<boolean> {
  const cases = tags.map((tag) => sql`instr(tags, ${`,${tag},`}) > 0`);
  const condition = sql<boolean>`(${sql.join(cases, filter.endsWith('-any') ? sql` or ` : sql` and `)})`;
  return filter.startsWith('not-') ? sql<boolean>`not ${condition}` : condition;
}
