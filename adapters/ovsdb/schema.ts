// The type of a database schema as a constant table, from which both the codecs and the compiler
// derive types. The tables themselves are generated (`*.gen.ts`).

/** A row's identity, assigned by the server or by the client that inserts the row. */
export type Uuid = string;

/** A row inserted in the same transaction, by the `uuidName` of its insert. */
export interface NamedUuid {
  readonly named: string;
}

export type AtomType = 'string' | 'integer' | 'real' | 'boolean' | 'uuid';

/**
 * A column, by the number of its values. `one`: exactly one value; `optional`: none or one; `set`:
 * any number, without order; `map`: keys to values.
 */
export type Column =
  | {
      readonly kind: 'one' | 'optional' | 'set';
      readonly type: AtomType;
      readonly enum?: readonly string[];
      readonly refTable?: string;
      readonly weak?: true;
    }
  | { readonly kind: 'map'; readonly key: AtomType; readonly value: AtomType };

export interface Table {
  /**
   * Rows of a root table live until they are deleted; others until the last strong reference to
   * them is removed.
   */
  readonly isRoot: boolean;
  readonly indexes: readonly (readonly string[])[];
  readonly columns: Readonly<Record<string, Column>>;
}

export interface DatabaseSchema {
  readonly name: string;
  readonly version: string;
  readonly tables: Readonly<Record<string, Table>>;
}

export type TableName<S extends DatabaseSchema> = keyof S['tables'] & string;
export type ColumnName<
  S extends DatabaseSchema,
  T extends TableName<S>,
> = keyof S['tables'][T]['columns'] & string;

export interface Atoms {
  string: string;
  integer: number;
  real: number;
  boolean: boolean;
  uuid: Uuid;
}
interface WritableAtoms extends Omit<Atoms, 'uuid'> {
  uuid: Uuid | NamedUuid;
}

type AtomOf<C, A extends Record<AtomType, unknown>> = C extends { enum: readonly (infer E)[] }
  ? E
  : C extends { type: infer K extends AtomType }
    ? A[K]
    : never;

/** The value of a column with these atom types. */
export type ValueIn<C, A extends Record<AtomType, unknown>> = C extends { kind: 'one' }
  ? AtomOf<C, A>
  : C extends { kind: 'optional' }
    ? AtomOf<C, A> | null
    : C extends { kind: 'set' }
      ? readonly AtomOf<C, A>[]
      : C extends { kind: 'map'; value: infer V extends AtomType }
        ? Readonly<Record<string, A[V]>>
        : never;

/**
 * A column's value as read: `string`, `number | null`, `readonly Uuid[]`, `Record<string, string>`
 * ...
 */
export type ColumnValue<C> = ValueIn<C, Atoms>;

/**
 * A complete row as read, or only its columns `N`. Integers beyond 2^53 lose their last digits
 * (byte counters only).
 */
export type Row<
  S extends DatabaseSchema,
  T extends TableName<S>,
  N extends ColumnName<S, T> = ColumnName<S, T>,
> = {
  readonly [C in N]: ColumnValue<S['tables'][T]['columns'][C]>;
};

/**
 * A row as written: any columns; the others get their defaults or stay. References may name rows of
 * the same transaction.
 */
export type RowPatch<S extends DatabaseSchema, T extends TableName<S>> = {
  readonly [C in ColumnName<S, T>]?: ValueIn<S['tables'][T]['columns'][C], WritableAtoms>;
};

/** Any column's value where the schema is not known at compile time. */
export type Atom = string | number | boolean | NamedUuid;
export type AnyValue = Atom | null | readonly Atom[] | Readonly<Record<string, Atom>>;
export type AnyRow = Readonly<Record<string, AnyValue>>;

/** The table of this name. Throws if the schema has no such table, which is a bug of the caller. */
export function tableOf(schema: DatabaseSchema, table: string): Table {
  const tableSchema = schema.tables[table];
  if (!tableSchema) throw new Error(`${schema.name} has no table ${table}`);
  return tableSchema;
}

export function columnOf(table: Table, column: string): Column {
  const columnSchema = table.columns[column];
  if (!columnSchema) throw new Error(`no column ${column}`);
  return columnSchema;
}
