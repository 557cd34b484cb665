// What Placement's routes work with. Filled in by role.ts.
import type { PlacementDeps } from '../deps.ts';
import type { World } from '../store/world.ts';

/** Deps with the role's own copy of the providers. */
export interface PlacementParts extends PlacementDeps {
  world: World;
}
