// Placement's documents with the fields that schedulers read.
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
export interface Inventory {
  total: number;
  reserved: number;
  min_unit: number;
  max_unit: number;
  step_size: number;
  allocation_ratio: number;
}
