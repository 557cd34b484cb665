// Equality filters of list requests. Used by every `list...` of this store.

/** Columns a list may be narrowed by; undefined: by any value. */
export type Filters<Column extends string> = Readonly<
  Partial<Record<Column, string | number | undefined>>
>;

interface Filterable {
  where(column: never, operator: '=', value: never): unknown;
}

/**
 * The query with `column = value` for each value that is given. Columns are the api's own words,
 * never the caller's.
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
