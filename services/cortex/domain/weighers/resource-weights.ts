// The parameter `resourceWeights` of weighers by capacity, e.g. {cpu: 1, memory: 1}; `disk` is
// allowed, too.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Weighing } from '../pipeline/step.ts';
import { defineWeigher } from '../pipeline/step.ts';

const classes: Readonly<Record<string, string>> = {
  cpu: 'VCPU',
  memory: 'MEMORY_MB',
  disk: 'DISK_GB',
};

type Weights = Readonly<Record<string, number>>;

type Shares = readonly (readonly [resourceClass: string, share: number])[];

/**
 * Defines a weigher with the parameter `resourceWeights`. `weigh` gets a zeroed `scratch`, and
 * returns false if the weigher does not apply.
 */
export const defineResourceWeigher = (
  name: string,
  weigh: (weighing: Weighing, shares: Shares) => boolean,
) =>
  defineWeigher({
    name,
    parameters: { resourceWeights: 'floatMap' },
    create({ resourceWeights = {} }) {
      const shares = sharesOf(name, resourceWeights);
      if (isFault(shares)) return shares;
      return (weighing) => {
        weighing.scratch.fill(0, 0, weighing.count);
        return weigh(weighing, shares);
      };
    },
  });

/** Shares by resource class, with the sum 1. badRequest: no entry, or an invalid weight. */
function sharesOf(step: string, weights: Weights): Outcome<Shares> {
  const entries = Object.entries(weights);
  if (entries.length === 0)
    return fault('badRequest', `${step} needs resourceWeights for one resource at least.`);
  const sum = entries.reduce((total, [, weight]) => total + weight, 0);
  const shares: [string, number][] = [];
  for (const [resource, weight] of entries) {
    const resourceClass = Object.hasOwn(classes, resource) ? classes[resource] : undefined;
    if (resourceClass === undefined)
      return fault('badRequest', `${step}: ${resource} is not cpu, memory or disk.`);
    if (!(weight > 0))
      return fault(
        'badRequest',
        `${step}: the weight of ${resource} must be above 0; a negative multiplier inverts the step.`,
      );
    shares.push([resourceClass, weight / sum]);
  }
  return shares;
}
