// What Placement needs from the house; made by compose.
import type { Clock } from '#platform/clock.ts';
import type { Database } from '#platform/db/database.ts';
import type { Ids } from '#platform/ids.ts';
import type { PlacementTables } from './store/tables.ts';
import type { World } from './store/world.ts';

export interface PlacementDeps {
  database: Database<PlacementTables>;
  clock: Clock;
  ids: Ids;
}

/** Deps with the service's own copy of the providers. */
export interface PlacementParts extends PlacementDeps {
  world: World;
}
