// Weighs by how full the host would be with the server: the weighted mean over resources, 0 to 1. A
// negative multiplier spreads load instead.
import type { Weighing } from '../pipeline/step.ts';
import { addTanh } from './add-tanh.ts';
import { defineResourceWeigher } from './resource-weights.ts';

export const kvmBinpack = defineResourceWeigher('kvm_binpack', (weighing, shares) => {
  for (const [resourceClass, share] of shares) addUse(weighing, resourceClass, share);
  addTanh(weighing);
  return true;
});

function addUse(
  { run, hosts, count, scratch }: Weighing,
  resourceClass: string,
  share: number,
): void {
  const { used, perUnit } = run.fleet.resource(resourceClass);
  const wanted = run.request.resources.get(resourceClass) ?? 0;
  for (let place = 0; place < count; place += 1) {
    const host = hosts[place] ?? 0;
    scratch[place] =
      (scratch[place] ?? 0) + share * ((used[host] ?? 0) + wanted) * (perUnit[host] ?? 0);
  }
}
