// Tables that are asked by names from outside: `constructor` and `toString` are members of every
// ordinary object, but not its own.

/** The member of that name, where the table itself has it. */
export function own<T>(table: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}
