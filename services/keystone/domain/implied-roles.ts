// Which roles follow from which: admin implies manager implies member implies reader.

export type Implications = ReadonlyMap<string, readonly string[]>;

/** The roles and all that follow from them, each once. Cycles end. */
export function withImplied(roleIds: Iterable<string>, implications: Implications): Set<string> {
  const all = new Set(roleIds);
  // a Set visits what is added while iterating
  for (const role of all) for (const implied of implications.get(role) ?? []) all.add(implied);
  return all;
}
