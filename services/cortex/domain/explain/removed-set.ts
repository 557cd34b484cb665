// The set of hosts that one removal of a decision took out.
import type { HostSet } from '../fleet/host-set.ts';
import type { Decision } from '../pipeline/engine.ts';
import type { Removal } from '../pipeline/filter-run.ts';

export function removedSet({ removed, words }: Decision, { from, to }: Removal): HostSet {
  const set = new Int32Array(words);
  for (let at = from; at < to; at += 2) set[removed[at] ?? 0] = removed[at + 1] ?? 0;
  return set;
}
