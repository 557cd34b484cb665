// What Placement's routes work with. Filled in by role.ts.
import type { PlacementDeps } from '../deps.ts';
import type { ClaimQueue } from '../store/claim-queue.ts';
import type { World } from '../store/world.ts';

/** Deps with the role's own copy of the providers, and its claims on their way. */
export interface PlacementParts extends PlacementDeps {
  world: World;
  claims: ClaimQueue;
}
