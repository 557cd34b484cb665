// The tables of Placement's database, as Kysely types.
import type { Kysely } from 'kysely';
import type { Inventory } from '#contracts/placement/wire.ts';

export type PlacementDb = Kysely<PlacementTables>;

export interface PlacementTables {
  resource_providers: {
    uuid: string;
    name: string;
    generation: number;
    parent_uuid: string | null;
    root_uuid: string;
    created_at_ms: number;
    updated_at_ms: number;
  };
  inventories: { provider_uuid: string; resource_class: string } & Inventory;
  /** Custom classes only: the standard ones are part of the release. */
  resource_classes: { name: string; created_at_ms: number };
  /** Custom traits only: the standard ones are part of the release. */
  traits: { name: string; created_at_ms: number };
  provider_traits: { provider_uuid: string; trait: string };
  provider_aggregates: { provider_uuid: string; aggregate_uuid: string };
  consumers: {
    uuid: string;
    project_id: string;
    user_id: string;
    consumer_type: string | null;
    generation: number;
    created_at_ms: number;
    updated_at_ms: number;
  };
  allocations: {
    consumer_uuid: string;
    provider_uuid: string;
    resource_class: string;
    used: number;
  };
  /** One row, incremented by every change, by which a reader knows whether its copy is stale. */
  changes: { id: number; version: number };
}
