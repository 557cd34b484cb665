// Placement, as data: who has what, who holds what. Its only face.
import type { PlacementAudit } from '#contracts/nova/audit.ts';
import type { Microversions, Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import type { Service } from '#openstack/service.ts';
import { aggregateRoutes } from './api/aggregates.ts';
import { allocationRoutes } from './api/allocations.ts';
import { byVersion } from './api/answers-by-version.ts';
import { candidateRoutes } from './api/candidates.ts';
import { placementFaults } from './api/fault-body.ts';
import { inventoryRoutes } from './api/inventories.ts';
import { resourceClassRoutes, traitRoutes } from './api/names.ts';
import { policies } from './api/policies.ts';
import { providerRoutes } from './api/providers.ts';
import { reshaperRoutes } from './api/reshaper.ts';
import { usageRoutes } from './api/usages.ts';
import { placementAudit } from './audit.ts';
import type { PlacementDeps, PlacementParts } from './deps.ts';
import { migrations } from './store/tables.ts';
import { createWorld } from './store/world.ts';

const microversions: Microversions = { type: 'placement', major: 1, min: 0, max: 39 };

const versionDocument: Route = route({
  method: 'GET',
  path: '/',
  auth: 'none',
  policy: null,
  handler: () => ({
    status: 200,
    body: {
      versions: [
        {
          id: 'v1.0',
          max_version: `1.${microversions.max}`,
          min_version: `1.${microversions.min}`,
          status: 'CURRENT',
          links: [{ rel: 'self', href: '' }],
        },
      ],
    },
  }),
});

export interface PlacementService extends Service {
  /** What Placement's database says, for `cobalt doctor --audit`. */
  audit(): Promise<PlacementAudit>;
}

export function createPlacement(deps: PlacementDeps): PlacementService {
  const parts: PlacementParts = { ...deps, world: createWorld(deps.database.db) };
  const routes = [
    providerRoutes,
    inventoryRoutes,
    aggregateRoutes,
    traitRoutes,
    resourceClassRoutes,
    allocationRoutes,
    reshaperRoutes,
    usageRoutes,
    candidateRoutes,
  ].flatMap((of) => of(parts));
  const dated = [versionDocument, ...routes].map((one) => byVersion(one, deps.clock));
  return {
    name: 'placement',
    http: {
      name: 'placement',
      serviceType: 'placement',
      mount: '/placement',
      routes: dated,
      faultStyle: placementFaults,
      microversions,
      policies,
      honoursAccept: true,
      maxBodyBytes: 1024 * 1024,
    },
    rpc: [],
    tasks: [],
    sagas: [],
    migrations,
    audit: async () => await placementAudit(deps),
  };
}
