// Decides which of several requests for allocations are granted, in order: each as a whole, with
// the capacity that the ones before leave. Pure; store/allocations.ts gathers the facts and writes.
import type { Fault } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Inventory } from '#contracts/placement/wire.ts';
import { concurrentUpdate } from './concurrent-update.ts';
import { refusal } from './provider.ts';

export interface ConsumerClaim {
  consumerUuid: string;
  projectId: string;
  userId: string;
  consumerType: string | null;
  /**
   * The consumer's generation as the caller knows it. null: the consumer must not exist. undefined:
   * not checked (before 1.28).
   */
  generation: number | null | undefined;
  /** Provider -> class -> amount; empty: all allocations of the consumer are removed. */
  allocations: ReadonlyMap<string, ReadonlyMap<string, number>>;
}

export interface HeldAllocation {
  provider_uuid: string;
  resource_class: string;
  used: number;
}

/** Facts as read in the transaction that writes. */
export interface ClaimFacts {
  /** Consumer -> generation, for consumers that exist. */
  generations: ReadonlyMap<string, number>;
  /** Consumer -> its current allocations. */
  allocations: ReadonlyMap<string, readonly HeldAllocation[]>;
  /** Provider -> class -> inventory, for providers that exist. */
  inventories: ReadonlyMap<string, ReadonlyMap<string, Inventory>>;
  /** Sums over all consumers. */
  used: readonly HeldAllocation[];
}

export interface Settlement {
  /** For each request, in order; undefined: granted. */
  refusals: (Fault | undefined)[];
  /** The claims of the granted requests. */
  granted: ConsumerClaim[];
}

/** Each consumer may be named by only one request, so that its generation in `facts` is current. */
export function settleClaims(
  requests: readonly (readonly ConsumerClaim[])[],
  facts: ClaimFacts,
): Settlement {
  const used = new UsedAmounts(facts.used);
  const granted: ConsumerClaim[] = [];
  const refusals = requests.map((claims) => {
    const problem = settleOne(claims, facts, used);
    if (problem) used.forgetChanges();
    else {
      used.keepChanges();
      granted.push(...claims);
    }
    return problem;
  });
  return { refusals, granted };
}

/**
 * Settles claims that are granted together or not at all; undefined: granted. conflict: not enough
 * capacity. concurrentUpdate: a consumer's generation is stale. badRequest: a provider does not
 * exist.
 */
function settleOne(
  claims: readonly ConsumerClaim[],
  { generations, allocations: currentAllocations, inventories }: ClaimFacts,
  used: UsedAmounts,
): Fault | undefined {
  for (const { consumerUuid, generation } of claims) {
    const current = generations.get(consumerUuid);
    if (generation !== undefined && generation !== (current ?? null))
      return concurrentUpdate(
        `consumer generation conflict - expected ${current ?? 'null'} but got ${generation}`,
      );
    // The consumers' current allocations are released first and count as free.
    for (const { provider_uuid, resource_class, used: amount } of currentAllocations.get(
      consumerUuid,
    ) ?? [])
      used.add(provider_uuid, resource_class, -amount);
  }
  for (const { allocations } of claims)
    for (const [provider, resources] of allocations) {
      const offered = inventories.get(provider);
      if (!offered)
        return fault(
          'badRequest',
          `Allocation for resource provider '${provider}' that does not exist.`,
        );
      const problem = place(provider, offered, resources, used);
      if (isFault(problem)) return problem;
    }
  return undefined;
}

function place(
  provider: string,
  inventories: ReadonlyMap<string, Inventory>,
  resources: ReadonlyMap<string, number>,
  used: UsedAmounts,
): Fault | undefined {
  for (const [resourceClass, amount] of resources) {
    if (!inventories.has(resourceClass))
      return fault(
        'conflict',
        `Unable to allocate inventory: Inventory for '${resourceClass}' on resource provider '${provider}' invalid: there is none.`,
      );
    const usedByOthers = used.of(provider, resourceClass);
    const why = refusal({ inventories }, resourceClass, amount, usedByOthers);
    if (why !== undefined)
      return fault(
        'conflict',
        `Unable to allocate inventory: Unable to create allocation for '${resourceClass}' on resource provider '${provider}': ${why}.`,
      );
  }
  for (const [resourceClass, amount] of resources) used.add(provider, resourceClass, amount);
  return undefined;
}

/**
 * Used amounts by provider and class, with the changes of the current request, which can be kept or
 * rolled back.
 */
class UsedAmounts {
  readonly #amounts = new Map<string, Map<string, number>>();
  #changes: (readonly [provider: string, resourceClass: string, amount: number])[] = [];

  constructor(used: readonly HeldAllocation[]) {
    for (const { provider_uuid, resource_class, used: amount } of used)
      this.#change(provider_uuid, resource_class, amount);
  }

  of(provider: string, resourceClass: string): number {
    return this.#amounts.get(provider)?.get(resourceClass) ?? 0;
  }

  add(provider: string, resourceClass: string, amount: number): void {
    this.#change(provider, resourceClass, amount);
    this.#changes.push([provider, resourceClass, amount]);
  }

  keepChanges(): void {
    this.#changes = [];
  }

  forgetChanges(): void {
    for (const [provider, resourceClass, amount] of this.#changes)
      this.#change(provider, resourceClass, -amount);
    this.#changes = [];
  }

  #change(provider: string, resourceClass: string, amount: number): void {
    const amounts = this.#amounts.get(provider) ?? new Map<string, number>();
    amounts.set(resourceClass, (amounts.get(resourceClass) ?? 0) + amount);
    this.#amounts.set(provider, amounts);
  }
}
