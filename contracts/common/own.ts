// Looks up names that come from outside in tables. `constructor` and `toString` are inherited
// members of every ordinary object, and must not be found.

/** The table's own member of that name; undefined: there is none, or it is inherited. */
export function own<T>(table: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}
