// Computes the steps from the actual rows to the desired ones. Pure. `transactions.ts` packs the
// steps. Rows are identified by a natural key (a name, an external id), never by their other
// content.
import {
  isSamePlace,
  isStrong,
  keyName,
  splitPlace,
  type Link,
  type Place,
  type RowIndex,
} from './row-index.ts';
import { rowUuid } from './row-uuid.ts';
import {
  columnOf,
  tableOf,
  type AnyRow,
  type AnyValue,
  type Atoms,
  type ColumnName,
  type DatabaseSchema,
  type TableName,
  type Uuid,
  type ValueIn,
} from './schema.ts';
import { sameValue } from './values.ts';

/**
 * A reference to a row of the column's table by its natural key; the same plan may insert that row.
 */
export interface KeyReference {
  readonly key: string;
}
interface DesiredAtoms extends Omit<Atoms, 'uuid'> {
  uuid: Uuid | KeyReference;
}

/** A desired row. Columns that it does not name are left alone. */
export type DesiredRow<S extends DatabaseSchema> = {
  [T in TableName<S>]: {
    readonly table: T;
    readonly key: string;
    readonly columns: {
      readonly [C in ColumnName<S, T>]?: ValueIn<S['tables'][T]['columns'][C], DesiredAtoms>;
    };
    /**
     * The rows that must list this row, by place and key; it is removed from all others at its
     * places. Parents' rows must not contain these columns.
     */
    readonly in?: readonly { readonly place: Place<S>; readonly key: string }[];
  };
}[TableName<S>];

/**
 * Which rows to remove: all of ours that are not desired, or those with these keys (missing ones
 * are ignored).
 */
export type Removal<S extends DatabaseSchema> =
  | 'undesired'
  | readonly { readonly table: TableName<S>; readonly key: string }[];

/**
 * One part of a plan, which must be executed in one transaction. Later steps may depend on earlier
 * ones, never the reverse.
 */
export type Step = {
  readonly table: string;
  readonly key: string;
  readonly uuid: Uuid;
  readonly attach: readonly Link[];
  readonly detach: readonly Link[];
} & (
  | { readonly kind: 'insert' | 'update'; readonly columns: AnyRow }
  | { readonly kind: 'delete'; readonly isRoot: boolean }
);

/** A desired row refers to a row that is neither desired nor in the database. */
export class MissingRowError extends Error {
  override readonly name = 'MissingRowError';
}

interface AnyDesired {
  table: string;
  key: string;
  columns: Readonly<Record<string, unknown>>;
  in?: readonly { place: string; key: string }[];
}
interface Doomed {
  table: string;
  key: string;
  uuid: Uuid;
}

/**
 * The steps from the actual to the desired rows; [] if nothing differs. Throws MissingRowError, and
 * Error if a row has no place or is given twice, which is a bug of the caller.
 */
export function plan<S extends DatabaseSchema>(
  real: RowIndex<S>,
  desired: Iterable<DesiredRow<S>>,
  removal: Removal<S>,
): Step[] {
  return new Planner(
    real as unknown as RowIndex<DatabaseSchema>,
    desired as Iterable<AnyDesired>,
  ).steps(removal as Removal<DatabaseSchema>); // the same, typed for run time
}

class Planner {
  readonly #schema: DatabaseSchema;
  readonly #real: RowIndex<DatabaseSchema>;
  readonly #desired = new Map<string, AnyDesired>();
  /** The UUID that each desired row has, or will be inserted with. */
  readonly #uuids = new Map<string, Uuid>();

  constructor(real: RowIndex<DatabaseSchema>, desired: Iterable<AnyDesired>) {
    this.#schema = real.schema;
    this.#real = real;
    for (const row of desired) {
      const name = keyName(row.table, row.key);
      if (this.#desired.has(name)) throw new Error(`${row.table} ${row.key} is desired twice`);
      this.#desired.set(name, row);
      // A row with the UUID that we would assign is ours, even if another client has renamed it.
      const uuid = rowUuid(row.table, row.key);
      this.#uuids.set(
        name,
        real.row(row.table, uuid) ? uuid : (real.find(row.table, row.key) ?? uuid),
      );
    }
  }

  steps(removal: Removal<DatabaseSchema>): Step[] {
    const [inserts, updates]: [Step[], Step[]] = [[], []];
    for (const row of this.#inOrder()) {
      const uuid = this.#uuidOf(row.table, row.key, row);
      const existing = this.#real.row(row.table, uuid);
      const columns = this.#resolve(row);
      const { attach, detach } = this.#hang(row, uuid);
      if (!existing)
        inserts.push({
          kind: 'insert',
          table: row.table,
          key: row.key,
          uuid,
          columns,
          attach,
          detach,
        });
      else {
        const changed = this.#changed(row.table, existing, columns);
        if (attach.length + detach.length + Object.keys(changed).length > 0)
          updates.push({
            kind: 'update',
            table: row.table,
            key: row.key,
            uuid,
            columns: changed,
            attach,
            detach,
          });
      }
    }
    const deletes = this.#doomed(removal).map(({ table, key, uuid }): Step => ({
      kind: 'delete',
      table,
      key,
      uuid,
      isRoot: tableOf(this.#schema, table).isRoot,
      attach: [],
      detach: this.#real.linksTo(uuid),
    }));
    return [...inserts, ...updates, ...deletes];
  }

  /**
   * Orders rows after those that they refer to: a weak reference to a row that does not exist yet
   * is dropped when its transaction commits.
   */
  *#inOrder(): Generator<AnyDesired> {
    const visitedNames = new Set<string>();
    const stack = [...this.#desired.keys()]
      .toReversed()
      .map((name) => ({ name, needsSeen: false }));
    for (let top = stack.pop(); top; top = stack.pop()) {
      const row = this.#desired.get(top.name);
      if (!row) continue; // an existing row that is not among the desired ones
      if (top.needsSeen) yield row;
      else if (!visitedNames.has(top.name)) {
        visitedNames.add(top.name);
        stack.push({ name: top.name, needsSeen: true });
        for (const name of this.#needs(row))
          if (!visitedNames.has(name)) stack.push({ name, needsSeen: false });
      }
    }
  }

  *#needs(row: AnyDesired): Generator<string> {
    for (const { place, key } of row.in ?? []) yield keyName(splitPlace(place)[0], key);
    for (const [column, value] of Object.entries(row.columns)) {
      const target = this.#targetOf(row.table, column);
      if (target === undefined) continue;
      for (const each of Array.isArray(value) ? (value as unknown[]) : [value])
        if (isKeyReference(each)) yield keyName(target, each.key);
    }
  }

  /**
   * The table that a column's references point to; undefined: the column has none, and an object in
   * it is a map.
   */
  #targetOf(table: string, name: string): string | undefined {
    const column = columnOf(tableOf(this.#schema, table), name);
    return column.kind === 'map' ? undefined : column.refTable;
  }

  #uuidOf(table: string, key: string, from: AnyDesired): Uuid {
    const uuid = this.#uuids.get(keyName(table, key)) ?? this.#real.find(table, key);
    if (uuid === undefined)
      throw new MissingRowError(
        `${from.table} ${from.key} refers to ${table} ${key}, which is neither desired nor there`,
      );
    return uuid;
  }

  #resolve(row: AnyDesired): AnyRow {
    return Object.fromEntries(
      Object.entries(row.columns)
        .filter(([, value]) => value !== undefined)
        .map(([column, value]) => {
          const target = this.#targetOf(row.table, column);
          const resolved = (each: unknown): unknown =>
            target !== undefined && isKeyReference(each)
              ? this.#uuidOf(target, each.key, row)
              : each;
          return [
            column,
            (Array.isArray(value) ? value.map(resolved) : resolved(value)) as AnyValue,
          ]; // typed by DesiredRow
        }),
    );
  }

  #changed(table: string, existing: AnyRow, desired: AnyRow): AnyRow {
    return Object.fromEntries(
      Object.entries(desired).filter(([name, value]) => {
        const now = existing[name];
        if (now === undefined) throw new Error(`the real rows of ${table} come without ${name}`);
        return !sameValue(columnOf(tableOf(this.#schema, table), name), now, value);
      }),
    );
  }

  #hang(row: AnyDesired, uuid: Uuid): { attach: Link[]; detach: Link[] } {
    const places = this.#real.placesOf(row.table);
    const desiredLinks = (row.in ?? []).map(({ place, key }): Link => {
      if (!places.includes(place))
        throw new Error(`${place} is not among the places of ${row.table}`);
      const [table, column] = splitPlace(place);
      return { table, column, uuid: this.#uuidOf(table, key, row), child: uuid };
    });
    const isRoot = tableOf(this.#schema, row.table).isRoot;
    if (!isRoot && !desiredLinks.some((link) => isStrong(this.#schema, link.table, link.column)))
      throw new Error(`${row.table} ${row.key} hangs nowhere: the server would drop it at once`);
    const real = this.#real.linksTo(uuid);
    return {
      attach: desiredLinks.filter((link) => !real.some((each) => isSamePlace(each, link))),
      detach: real.filter((link) => !desiredLinks.some((each) => isSamePlace(each, link))),
    };
  }

  /** Rows to remove. Those that are removed with their parents need no step. */
  #doomed(removal: Removal<DatabaseSchema>): Doomed[] {
    const desiredUuids = new Set(this.#uuids.values());
    const doomed = new Map<Uuid, Doomed>();
    for (const row of removal === 'undesired' ? this.#real.ours() : this.#named(removal))
      if (!desiredUuids.has(row.uuid)) doomed.set(row.uuid, row);
    return [...doomed.values()].filter(({ table, uuid }) => {
      const keepers = this.#real
        .linksTo(uuid)
        .filter((link) => isStrong(this.#schema, link.table, link.column));
      return tableOf(this.#schema, table).isRoot || keepers.some((link) => !doomed.has(link.uuid));
    });
  }

  *#named(keys: readonly { table: string; key: string }[]): Generator<Doomed> {
    for (const { table, key } of keys) {
      const uuid = this.#real.find(table, key);
      if (uuid !== undefined) yield { table, key, uuid };
    }
  }
}

function isKeyReference(value: unknown): value is KeyReference {
  return (
    typeof value === 'object' && value !== null && 'key' in value && typeof value.key === 'string'
  );
}
