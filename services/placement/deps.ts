// Placement's dependencies, provided by compose.
import type { Clock } from '#platform/clock.ts';
import type { Database } from '#platform/db/database.ts';
import type { Ids } from '#platform/ids.ts';
import type { PlacementTables } from './store/tables.ts';

export interface PlacementDeps {
  database: Database<PlacementTables>;
  clock: Clock;
  ids: Ids;
}
