// Adds `multiplier` * tanh of the activations in `scratch` to the weights.
import type { Weighing } from '../pipeline/step.ts';
import { tanh } from '../pipeline/tanh.ts';

export function addTanh({ weights, scratch, multiplier, count }: Weighing): void {
  for (let place = 0; place < count; place += 1)
    weights[place] = (weights[place] ?? 0) + multiplier * tanh(scratch[place] ?? 0);
}
