// Role implications: admin implies manager, which implies member, which implies reader.

export type Implications = ReadonlyMap<string, readonly string[]>;

/** The roles and all roles they imply, directly or not. Handles cycles. */
export function withImplied(roleIds: Iterable<string>, implications: Implications): Set<string> {
  const all = new Set(roleIds);
  // iterating a Set also visits elements added meanwhile
  for (const role of all) for (const implied of implications.get(role) ?? []) all.add(implied);
  return all;
}
