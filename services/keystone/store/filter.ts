// Equality filters for the `list...` functions of this store.

/** A value for each column to filter by; undefined: no restriction. */
export type Filters<Column extends string> = Readonly<
  Partial<Record<Column, string | number | undefined>>
>;

interface Filterable {
  where(column: never, operator: '=', value: never): unknown;
}

/**
 * Adds `column = value` for each value that is not undefined. Column names come from the code,
 * never from a request.
 */
export function filtered<Q extends Filterable>(
  query: Q,
  filters: Readonly<Record<string, string | number | undefined>>,
): Q {
  let narrowed = query;
  for (const [column, value] of Object.entries(filters)) {
    // Kysely returns the same builder type
    if (value !== undefined) narrowed = narrowed.where(column as never, '=', value as never) as Q;
  }
  return narrowed;
}
