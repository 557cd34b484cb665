// Looks names from outside up in tables: `constructor` and `toString` are members of every ordinary
// object, but not its own.

/** The member of that name, if it is the table's own. */
export function own<T>(table: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}
