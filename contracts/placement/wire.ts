// Documents of Placement's API, reduced to the fields that schedulers and agents use.
// https://docs.openstack.org/api-ref/placement/
import type { Json } from '../common/json.ts';

export interface Resources {
  VCPU: number;
  MEMORY_MB: number;
  DISK_GB?: number;
}

/** A provider with enough free resources, with its capacity and usage. */
export interface Candidate {
  nodeUuid: string;
  allocations: Json;
  capacity: Readonly<Record<string, { capacity: number; used: number }>>;
}

/** Inventory of one resource class. */
export type Inventory = {
  total: number;
  reserved: number;
  min_unit: number;
  max_unit: number;
  step_size: number;
  allocation_ratio: number;
};

/** An inventory that can be allocated completely, in single units. */
export const plainInventory = (total: number): Inventory => ({
  total,
  reserved: 0,
  min_unit: 1,
  max_unit: total,
  step_size: 1,
  allocation_ratio: 1,
});

/** Inventories by resource class. */
export type Inventories = Record<string, Inventory>;

/**
 * A provider's inventories. `resource_provider_generation` must be sent back with a write, which is
 * refused if it is stale.
 */
export interface ProviderInventory {
  inventories: Inventories;
  resource_provider_generation: number;
}

export interface ProviderTraits {
  traits: string[];
  resource_provider_generation: number;
}

/** An entry in the list of providers. */
export interface ProviderEntry {
  uuid: string;
  name: string;
  generation: number;
}

export interface ProviderUsages {
  usages: Record<string, number>;
  resource_provider_generation: number;
}
