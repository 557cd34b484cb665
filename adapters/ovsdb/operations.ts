// The operations of a transaction, typed by the schema, and how their answers are read. Pure.
// Source: RFC 7047, section 5.2.
import { OvsdbTransactionError } from './errors.ts';
import {
  columnOf,
  tableOf,
  type AnyRow,
  type AnyValue,
  type ColumnName,
  type DatabaseSchema,
  type Row,
  type RowPatch,
  type Table,
  type TableName,
  type Uuid,
} from './schema.ts';
import { decodeRow, encodeRow, encodeValue, type WireRow, type WireValue } from './values.ts';

/** One operation and how to read its answer. Built by `operationsOf(schema)`. */
export interface Operation<R> {
  readonly wire: Readonly<Record<string, unknown>>;
  read(answer: Readonly<Record<string, unknown>>): R;
}
export type OperationResult<O> = O extends Operation<infer R> ? R : never;

type Function = '==' | '!=' | '<' | '<=' | '>' | '>=' | 'includes' | 'excludes';
type Mutator = 'insert' | 'delete' | '+=' | '-=' | '*=' | '/=' | '%=';

/**
 * Selects rows by conditions, which must all hold. On sets and maps `includes` requires these
 * members, among any others. An empty list selects every row.
 */
export type Where<S extends DatabaseSchema, T extends TableName<S>> = readonly (
  | readonly ['_uuid', '==' | '!=', Uuid]
  | { [C in ColumnName<S, T>]: readonly [C, Function, NonNullable<RowPatch<S, T>[C]>] }[ColumnName<
      S,
      T
    >]
)[];

/**
 * A change of a column by a mutator. `delete` on a map takes pairs, or an array of keys with any
 * value.
 */
export type Mutation<S extends DatabaseSchema, T extends TableName<S>> = {
  [C in ColumnName<S, T>]: readonly [
    C,
    Mutator,
    NonNullable<RowPatch<S, T>[C]> | readonly string[],
  ];
}[ColumnName<S, T>];

/** `Where` for tables and columns that are known only at run time. */
type AnyWhere = readonly (readonly [string, string, unknown])[];

/**
 * Builders for one schema. A table, column or value that the schema does not have is a compile
 * error.
 */
export function operationsOf<const S extends DatabaseSchema>(schema: S) {
  return {
    /**
     * Inserts a row. `uuid`: chosen by the caller (inserting it twice fails with "duplicate uuid");
     * `uuidName`: for `{ named }` in the same transaction.
     */
    insert<T extends TableName<S>>(
      table: T,
      row: RowPatch<S, T>,
      id: { uuidName?: string; uuid?: Uuid } = {},
    ): Operation<{ uuid: Uuid }> {
      return {
        wire: {
          op: 'insert',
          table,
          row: encodeRow(tableOf(schema, table), row as AnyRow),
          ...(id.uuidName ? { 'uuid-name': id.uuidName } : {}),
          ...(id.uuid ? { uuid: id.uuid } : {}),
        },
        read: (answer) => ({ uuid: (answer['uuid'] as [string, string])[1] }), // RFC 7047, 5.2.1
      };
    },
    update<T extends TableName<S>>(
      table: T,
      where: Where<S, T>,
      row: RowPatch<S, T>,
    ): Operation<{ count: number }> {
      return {
        wire: {
          op: 'update',
          table,
          where: encodeWhere(tableOf(schema, table), where),
          row: encodeRow(tableOf(schema, table), row as AnyRow),
        },
        read: count,
      };
    },
    mutate<T extends TableName<S>>(
      table: T,
      where: Where<S, T>,
      mutations: readonly Mutation<S, T>[],
    ): Operation<{ count: number }> {
      return {
        wire: {
          op: 'mutate',
          table,
          where: encodeWhere(tableOf(schema, table), where),
          mutations: encodeMutations(tableOf(schema, table), mutations),
        },
        read: count,
      };
    },
    delete<T extends TableName<S>>(table: T, where: Where<S, T>): Operation<{ count: number }> {
      return {
        wire: { op: 'delete', table, where: encodeWhere(tableOf(schema, table), where) },
        read: count,
      };
    },
    /** Rows with the given columns and always `_uuid`. */
    select<T extends TableName<S>, N extends ColumnName<S, T>>(
      table: T,
      where: Where<S, T>,
      columns: readonly N[],
    ): Operation<{ rows: (Row<S, T, N> & { _uuid: Uuid })[] }> {
      return {
        wire: {
          op: 'select',
          table,
          where: encodeWhere(tableOf(schema, table), where),
          columns: ['_uuid', ...columns],
        },
        read: (answer) => ({
          rows: (answer['rows'] as WireRow[]).map(
            (row) =>
              ({
                // RFC 7047, 5.2.2
                ...decodeRow(tableOf(schema, table), columns, row),
                _uuid: (row['_uuid'] as unknown as [string, string])[1],
              }) as unknown as Row<S, T, N> & { _uuid: Uuid },
          ), // decoded by this table
        }),
      };
    },
    /**
     * The transaction continues only once these rows are (`==`) or are not (`!=`) as given; it
     * fails with "timed out" after `timeoutMs`, where 0 checks once.
     */
    wait<T extends TableName<S>>(
      table: T,
      where: Where<S, T>,
      until: '==' | '!=',
      rows: readonly RowPatch<S, T>[],
      timeoutMs: number,
    ): Operation<void> {
      const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
      return {
        wire: {
          op: 'wait',
          timeout: timeoutMs,
          table,
          where: encodeWhere(tableOf(schema, table), where),
          columns,
          until,
          rows: rows.map((row) => encodeRow(tableOf(schema, table), row as AnyRow)),
        },
        read: nothing,
      };
    },
    /** Written to the database's log, where `ovsdb-tool show-log` shows it. */
    comment: (comment: string): Operation<void> => ({
      wire: { op: 'comment', comment },
      read: nothing,
    }),
    /** Always fails with "aborted", so that the operations before it are only tried. */
    abort: (): Operation<never> => ({
      wire: { op: 'abort' },
      read: () => {
        throw new Error('an aborted transaction has no answers');
      },
    }),
    /** The transaction fails with "not owner" unless this client holds the lock. */
    assert: (lock: string): Operation<void> => ({ wire: { op: 'assert', lock }, read: nothing }),
    /** With `durable`, answers only once the change is on disk. */
    commit: (durable: boolean): Operation<void> => ({
      wire: { op: 'commit', durable },
      read: nothing,
    }),
  };
}

/**
 * The answers to `operations`, one each. Throws OvsdbTransactionError if one of them, or the
 * commit, failed.
 */
export function readAnswers<const O extends readonly Operation<unknown>[]>(
  operations: O,
  answers: readonly unknown[],
): { -readonly [I in keyof O]: OperationResult<O[I]> } {
  for (const [index, answer] of answers.entries()) {
    const failure = answer as { error?: unknown; details?: unknown } | null;
    if (typeof failure?.error !== 'string') continue;
    throw new OvsdbTransactionError(
      failure.error,
      index < operations.length ? index : 'commit',
      typeof failure.details === 'string' ? failure.details : '',
    );
  }
  return operations.map((operation, index) =>
    operation.read((answers[index] ?? {}) as Record<string, unknown>),
  ) as { -readonly [I in keyof O]: OperationResult<O[I]> }; // in the order of the operations
}

export function encodeWhere(table: Table, where: AnyWhere): readonly unknown[] {
  return where.map(([column, test, value]) => [
    column,
    test,
    column === '_uuid' ? ['uuid', value] : encodeValue(columnOf(table, column), value as AnyValue),
  ]); // typed by Where
}

function encodeMutations(table: Table, mutations: AnyWhere): readonly unknown[] {
  return mutations.map(([name, mutator, value]) => {
    const column = columnOf(table, name);
    // The keys to delete from a map are encoded as a set.
    const asSet = column.kind === 'map' && mutator === 'delete' && Array.isArray(value);
    const wire: WireValue = encodeValue(
      asSet ? { kind: 'set', type: column.key } : column,
      value as AnyValue,
    ); // typed by Mutation
    return [name, mutator, wire];
  });
}

const count = (answer: Readonly<Record<string, unknown>>): { count: number } => ({
  count: answer['count'] as number,
}); // RFC 7047, 5.2.3 to 5.2.5
const nothing = (): void => undefined;
