// Placement's documents with the fields that schedulers and agents read and write.
// https://docs.openstack.org/api-ref/placement/
import type { Json } from '../common/json.ts';

export interface Resources {
  VCPU: number;
  MEMORY_MB: number;
  DISK_GB?: number;
}

/** A provider with enough free resources, and how full it is. */
export interface Candidate {
  nodeUuid: string;
  allocations: Json;
  capacity: Readonly<Record<string, { capacity: number; used: number }>>;
}

/** What a provider has of one resource class. */
export type Inventory = {
  total: number;
  reserved: number;
  min_unit: number;
  max_unit: number;
  step_size: number;
  allocation_ratio: number;
};

/** All of it is given out, in single units. */
export const plainInventory = (total: number): Inventory => ({
  total,
  reserved: 0,
  min_unit: 1,
  max_unit: total,
  step_size: 1,
  allocation_ratio: 1,
});

/** What a provider offers, by resource class. */
export type Inventories = Record<string, Inventory>;

/** `resource_provider_generation` goes back with a write: a stale one is refused. */
export interface ProviderInventory {
  inventories: Inventories;
  resource_provider_generation: number;
}

export interface ProviderTraits {
  traits: string[];
  resource_provider_generation: number;
}

/** Of the list of providers. */
export interface ProviderEntry {
  uuid: string;
  name: string;
  generation: number;
}

export interface ProviderUsages {
  usages: Record<string, number>;
  resource_provider_generation: number;
}
