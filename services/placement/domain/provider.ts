// A resource provider as the candidate search sees it. Pure.
import type { Inventory } from '#contracts/placement/wire.ts';

export interface Provider {
  uuid: string;
  name: string;
  generation: number;
  parentUuid: string | null;
  rootUuid: string;
  createdAtMs: number;
  updatedAtMs: number;
  inventories: ReadonlyMap<string, Inventory>;
  used: ReadonlyMap<string, number>;
  traits: ReadonlySet<string>;
  aggregates: ReadonlySet<string>;
}

/**
 * Units that can be allocated in total.
 * https://docs.openstack.org/placement/latest/user/provider-tree.html
 */
export function capacityOf(inventory: Inventory): number {
  return Math.floor((inventory.total - inventory.reserved) * inventory.allocation_ratio);
}

/** Whether `amount` can be allocated in addition to what is used. */
export function fits(provider: Provider, resourceClass: string, amount: number): boolean {
  const inventory = provider.inventories.get(resourceClass);
  return (
    inventory !== undefined &&
    amount >= inventory.min_unit &&
    amount <= inventory.max_unit &&
    amount % inventory.step_size === 0 &&
    amount <= capacityOf(inventory) - (provider.used.get(resourceClass) ?? 0)
  );
}

/** Why `amount` cannot be allocated; undefined: it can. */
export function refusal(
  provider: Pick<Provider, 'inventories'>,
  resourceClass: string,
  amount: number,
  usedByOthers: number,
): string | undefined {
  const inventory = provider.inventories.get(resourceClass);
  if (!inventory) return `it has no inventory of ${resourceClass}`;
  if (
    amount < inventory.min_unit ||
    amount > inventory.max_unit ||
    amount % inventory.step_size !== 0
  ) {
    return `${resourceClass} is given out in amounts from ${inventory.min_unit} to ${inventory.max_unit} in steps of ${inventory.step_size}, ${amount} is none`;
  }
  const free = capacityOf(inventory) - usedByOthers;
  return amount > free
    ? `The requested amount would exceed the capacity: ${Math.max(free, 0)} of ${resourceClass} are left, ${amount} are wanted`
    : undefined;
}
