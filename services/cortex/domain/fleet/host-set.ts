// Sets of hosts as bit vectors of 32-bit words: bit n is the host at position n of the fleet's
// columns. A filter over 5,000 hosts takes 157 operations.

export type HostSet = Int32Array<ArrayBuffer>;

export const wordsFor = (hosts: number): number => (hosts + 31) >>> 5;

export const has = (set: HostSet, host: number): boolean =>
  ((set[host >>> 5] ?? 0) & (1 << (host & 31))) !== 0;

export function add(set: HostSet, host: number): void {
  set[host >>> 5] = (set[host >>> 5] ?? 0) | (1 << (host & 31));
}

export function remove(set: HostSet, host: number): void {
  set[host >>> 5] = (set[host >>> 5] ?? 0) & ~(1 << (host & 31));
}

export function put(set: HostSet, host: number, isIn: boolean): void {
  if (isIn) add(set, host);
  else remove(set, host);
}

export function isEmpty(set: HostSet): boolean {
  for (let word = 0; word < set.length; word += 1) if (set[word] !== 0) return false;
  return true;
}

export function sizeOfWord(bits: number): number {
  let rest = bits - ((bits >>> 1) & 0x55555555);
  rest = (rest & 0x33333333) + ((rest >>> 2) & 0x33333333);
  return Math.imul((rest + (rest >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

/** Positions of the members, ascending. */
export function membersOf(set: HostSet): number[] {
  const members: number[] = [];
  for (let word = 0; word < set.length; word += 1)
    for (let bits = set[word] ?? 0; bits !== 0; bits &= bits - 1)
      members.push((word << 5) + 31 - Math.clz32(bits & -bits));
  return members;
}

/** A copy with room for more hosts. */
export function copyWithRoom(set: HostSet, words: number): HostSet {
  const larger = new Int32Array(words);
  larger.set(set);
  return larger;
}
