// The set of hosts with these names. Names that are not in the fleet are ignored.
import type { Fleet } from './fleet.ts';
import type { HostSet } from './host-set.ts';
import { add } from './host-set.ts';

export function hostSetOf(
  fleet: Fleet,
  names: Iterable<string>,
  nodeNames: readonly string[] = [],
): HostSet {
  const set = new Int32Array(fleet.words);
  for (const name of names) {
    const host = fleet.positionOf(name);
    if (host !== undefined) add(set, host);
  }
  for (const name of nodeNames) {
    const host = fleet.positionOfNode(name);
    if (host !== undefined) add(set, host);
  }
  return set;
}
