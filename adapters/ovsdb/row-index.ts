// Indexes the actual rows by natural key and by the rows that list them. Updated with a replica's
// changes, or filled once with all rows.
import type { RowChange } from './replica.ts';
import {
  tableOf,
  type AnyRow,
  type ColumnName,
  type DatabaseSchema,
  type Row,
  type TableName,
  type Uuid,
} from './schema.ts';

/**
 * A column that lists other rows, e.g. `Logical_Switch.ports`. Its members are determined by the
 * listed rows, which name the place.
 */
export type Place<S extends DatabaseSchema> = {
  [T in TableName<S>]: `${T}.${ColumnName<S, T>}`;
}[TableName<S>];

/**
 * Which rows are ours. `key`: the natural key of an actual row, `undefined` for one that is not
 * ours; `places`: columns that may list rows of the table. A row of a non-root table lives only
 * while a place with strong references lists it.
 */
export type Scope<S extends DatabaseSchema> = {
  readonly [T in TableName<S>]?: {
    key(row: Row<S, T>, uuid: Uuid): string | undefined;
    readonly places?: readonly Place<S>[];
  };
};

/** One row listed by another. */
export interface Link {
  readonly table: string;
  readonly uuid: Uuid;
  readonly column: string;
  readonly child: Uuid;
}

interface AnyScope {
  key(row: AnyRow, uuid: Uuid): string | undefined;
  places?: readonly string[];
}

export class RowIndex<S extends DatabaseSchema> {
  readonly schema: S;
  readonly #scope: Readonly<Record<string, AnyScope>>;
  /** Table -> its columns that are places. */
  readonly #placesOf = new Map<string, string[]>();
  readonly #rows = new Map<string, Map<Uuid, AnyRow>>();
  /** Table and key -> the rows with this key; any further one is a stray that a plan removes. */
  readonly #byKey = new Map<string, Uuid[]>();
  readonly #links = new Map<Uuid, Link[]>();

  constructor(schema: S, scope: Scope<S>) {
    this.schema = schema;
    this.#scope = scope as unknown as Record<string, AnyScope>; // table names are dynamic here
    for (const place of new Set(Object.values(this.#scope).flatMap(({ places = [] }) => places))) {
      const [table, column] = splitPlace(place);
      this.#placesOf.set(table, [...(this.#placesOf.get(table) ?? []), column]);
    }
  }

  /** An index of these rows, for callers without a replica. */
  static of<S extends DatabaseSchema>(
    schema: S,
    scope: Scope<S>,
    rows: Readonly<Record<string, ReadonlyMap<Uuid, AnyRow>>>,
  ): RowIndex<S> {
    const index = new RowIndex(schema, scope);
    for (const [table, list] of Object.entries(rows))
      index.take([...list].map(([uuid, now]) => ({ table, uuid, old: null, now })));
    return index;
  }

  /** Takes what a replica's `onChanges` reports. */
  take(changes: readonly RowChange[]): void {
    for (const { table, uuid, old, now } of changes) {
      if (old) this.#remove(table, uuid, old);
      if (now) this.#add(table, uuid, now);
      for (const column of this.#placesOf.get(table) ?? [])
        this.#relink(
          { table, uuid, column },
          childrenIn(old, table, column),
          childrenIn(now, table, column),
        );
    }
  }

  tables(): readonly string[] {
    return Object.keys(this.#scope);
  }

  placesOf(table: string): readonly string[] {
    const scope = this.#scope[table];
    if (!scope) throw new Error(`${table} is outside of the scope`);
    return scope.places ?? [];
  }

  /** The row with this key; if there are several, the first. */
  find(table: string, key: string): Uuid | undefined {
    return this.#byKey.get(keyName(table, key))?.[0];
  }

  row(table: string, uuid: Uuid): AnyRow | undefined {
    return this.#rows.get(table)?.get(uuid);
  }

  /** The rows that list this one, at the places of the scope. */
  linksTo(uuid: Uuid): readonly Link[] {
    return this.#links.get(uuid) ?? [];
  }

  /** All rows that are ours, i.e. have a key in the scope, including strays. */
  *ours(): Generator<{ table: string; key: string; uuid: Uuid }> {
    for (const [table, { key }] of Object.entries(this.#scope)) {
      for (const [uuid, row] of this.#rows.get(table) ?? []) {
        const rowKey = key(row, uuid);
        if (rowKey !== undefined) yield { table, key: rowKey, uuid };
      }
    }
  }

  #add(table: string, uuid: Uuid, row: AnyRow): void {
    const rows = this.#rows.get(table) ?? new Map<Uuid, AnyRow>();
    this.#rows.set(table, rows.set(uuid, row));
    const key = this.#scope[table]?.key(row, uuid);
    if (key === undefined) return;
    const uuids = this.#byKey.get(keyName(table, key));
    if (uuids) uuids.push(uuid);
    else this.#byKey.set(keyName(table, key), [uuid]);
  }

  #remove(table: string, uuid: Uuid, row: AnyRow): void {
    this.#rows.get(table)?.delete(uuid);
    const key = this.#scope[table]?.key(row, uuid);
    if (key === undefined) return;
    const remaining = this.#byKey.get(keyName(table, key))?.filter((each) => each !== uuid) ?? [];
    if (remaining.length > 0) this.#byKey.set(keyName(table, key), remaining);
    else this.#byKey.delete(keyName(table, key));
  }

  #relink(parent: Omit<Link, 'child'>, before: readonly Uuid[], after: readonly Uuid[]): void {
    // A replica keeps the order of sets, so the common prefix is usually most of the set.
    let same = 0;
    while (same < before.length && before[same] === after[same]) same += 1;
    const [removedChildren, addedChildren] = [
      new Set(before.slice(same)),
      new Set(after.slice(same)),
    ];
    for (const child of removedChildren) {
      if (addedChildren.has(child)) continue;
      const remaining = this.linksTo(child).filter((link) => !isSamePlace(link, parent));
      if (remaining.length > 0) this.#links.set(child, remaining);
      else this.#links.delete(child);
    }
    for (const child of addedChildren)
      if (!removedChildren.has(child))
        this.#links.set(child, [...this.linksTo(child), { ...parent, child }]);
  }
}

/** Whether two links are at the same place of the same row. */
export const isSamePlace = (one: Omit<Link, 'child'>, other: Omit<Link, 'child'>): boolean =>
  one.uuid === other.uuid && one.column === other.column && one.table === other.table;

export const keyName = (table: string, key: string): string => `${table}\n${key}`;

export function splitPlace(place: string): [table: string, column: string] {
  const [table = '', column = ''] = place.split('.');
  return [table, column];
}

/** Whether the place keeps its rows alive: weak references do not. */
export function isStrong(schema: DatabaseSchema, table: string, column: string): boolean {
  const type = tableOf(schema, table).columns[column];
  return type !== undefined && type.kind !== 'map' && type.refTable !== undefined && !type.weak;
}

function childrenIn(row: AnyRow | null, table: string, column: string): readonly Uuid[] {
  if (!row) return [];
  const value = row[column];
  if (value === undefined)
    throw new Error(`the rows of ${table} come without ${column}, which is a place`);
  // A place is always a column of references.
  return (value === null ? [] : Array.isArray(value) ? value : [value]) as readonly Uuid[];
}
