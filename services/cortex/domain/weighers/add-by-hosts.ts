// Adds one activation to hosts on which one of these reservations is, and another to all others.
import type { HeldReservation } from '../fleet/fleet.ts';
import { add, has } from '../fleet/host-set.ts';
import type { Weighing } from '../pipeline/step.ts';
import { tanh } from '../pipeline/tanh.ts';

export function addByHosts(
  { run, hosts, count, weights, multiplier }: Weighing,
  reservations: readonly HeldReservation[],
  { inside, outside }: { inside: number; outside: number },
): void {
  const preferred = new Int32Array(run.fleet.words);
  for (const { positions } of reservations) for (const host of positions) add(preferred, host);
  const [more, less] = [multiplier * tanh(inside), multiplier * tanh(outside)];
  for (let place = 0; place < count; place += 1)
    weights[place] = (weights[place] ?? 0) + (has(preferred, hosts[place] ?? 0) ? more : less);
}
