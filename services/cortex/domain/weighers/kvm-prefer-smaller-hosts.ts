// Prefers hosts with small capacity: 1 for the smallest candidate, 0 for the largest. So large
// hosts stay free for large servers.
import type { Weighing } from '../pipeline/step.ts';
import { addTanh } from './add-tanh.ts';
import { defineResourceWeigher } from './resource-weights.ts';

export const kvmPreferSmallerHosts = defineResourceWeigher(
  'kvm_prefer_smaller_hosts',
  (weighing, shares) => {
    let differ = false;
    for (const [resourceClass, share] of shares)
      if (addSmallness(weighing, resourceClass, share)) differ = true;
    if (differ) addTanh(weighing);
    return differ;
  },
);

/** Returns false if all candidates have the same size. */
function addSmallness(
  { run, hosts, count, scratch }: Weighing,
  resourceClass: string,
  share: number,
): boolean {
  const { capacity } = run.fleet.resource(resourceClass);
  let [least, most] = [Infinity, -Infinity];
  for (let place = 0; place < count; place += 1) {
    const size = capacity[hosts[place] ?? 0] ?? 0;
    if (size < least) least = size;
    if (size > most) most = size;
  }
  if (!(most > least)) return false;
  const scale = share / (most - least);
  for (let place = 0; place < count; place += 1) {
    const size = capacity[hosts[place] ?? 0] ?? 0;
    // An unknown size is NaN, for which `size >= 0` is false: such a host gets no weight.
    scratch[place] = (scratch[place] ?? 0) + (size >= 0 ? (most - size) * scale : 0);
  }
  return true;
}
