// Selects the best of many weighed hosts in order, without sorting all: a heap of the wanted size
// with the worst on top.
import { mixed } from '../fleet/fnv1a.ts';

/**
 * The order of hosts. It is deterministic: hosts of equal weight are ordered by a hash of server
 * and host name.
 */
export interface Ranking {
  weights: Float64Array;
  hosts: Int32Array;
  /** Host names by position in the fleet. */
  names: readonly string[];
  /** Hashes of these names, by position. */
  nameHashes: Int32Array;
  /** Depends on the server, so that different servers prefer different hosts among equals. */
  seed: number;
}

/** Indexes into `hosts` of the best at most `limit` of the first `count` hosts, best first. */
export function bestHosts(ranking: Ranking, count: number, limit: number): number[] {
  const { weights } = ranking;
  const heap: number[] = [];
  let worst = -Infinity;
  for (let place = 0; place < count; place += 1) {
    const weight = weights[place] ?? 0;
    if (heap.length < limit) {
      heap.push(place);
      rise(heap, ranking);
      worst = weights[heap[0] ?? 0] ?? 0;
    } else if (weight > worst || (weight === worst && isBehind(ranking, heap[0] ?? 0, place))) {
      heap[0] = place;
      sink(heap, ranking);
      worst = weights[heap[0] ?? 0] ?? 0;
    }
  }
  return heap.sort((a, b) => (isBehind(ranking, a, b) ? 1 : -1));
}

/** Whether the host at index `a` comes after that at `b`. */
function isBehind(
  { weights, hosts, names, nameHashes, seed }: Ranking,
  a: number,
  b: number,
): boolean {
  const [weightA, weightB] = [weights[a] ?? 0, weights[b] ?? 0];
  if (weightA !== weightB) return weightA < weightB;
  const [hostA, hostB] = [hosts[a] ?? 0, hosts[b] ?? 0];
  const hashA = mixed((nameHashes[hostA] ?? 0) ^ seed);
  const hashB = mixed((nameHashes[hostB] ?? 0) ^ seed);
  return hashA === hashB ? (names[hostA] ?? '') > (names[hostB] ?? '') : hashA > hashB;
}

function swap(heap: number[], a: number, b: number): void {
  const first = heap[a] ?? 0;
  heap[a] = heap[b] ?? 0;
  heap[b] = first;
}

/** Sifts the last entry of the heap up. */
function rise(heap: number[], ranking: Ranking): void {
  let at = heap.length - 1;
  while (at > 0) {
    const above = (at - 1) >> 1;
    if (!isBehind(ranking, heap[at] ?? 0, heap[above] ?? 0)) return;
    swap(heap, at, above);
    at = above;
  }
}

/** Sifts the first entry of the heap down. */
function sink(heap: number[], ranking: Ranking): void {
  let at = 0;
  for (;;) {
    const [left, right] = [2 * at + 1, 2 * at + 2];
    let last = at;
    if (left < heap.length && isBehind(ranking, heap[left] ?? 0, heap[last] ?? 0)) last = left;
    if (right < heap.length && isBehind(ranking, heap[right] ?? 0, heap[last] ?? 0)) last = right;
    if (last === at) return;
    swap(heap, at, last);
    at = last;
  }
}
