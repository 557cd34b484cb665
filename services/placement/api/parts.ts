// Dependencies of Placement's routes, provided by role.ts.
import type { PlacementDeps } from '../deps.ts';
import type { ClaimQueue } from '../store/claim-queue.ts';
import type { World } from '../store/world.ts';

/** PlacementDeps with the role's in-memory copy of all providers and its queue of claims. */
export interface PlacementParts extends PlacementDeps {
  world: World;
  claims: ClaimQueue;
}
