// Placement, as data: who has what, who holds what. Its only face.
import type { PlacementAudit } from '#contracts/nova/audit.ts';
import type { Microversions, Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import type { Service } from '#openstack/service.ts';
import type { PlacementDeps, PlacementParts } from '../deps.ts';
import { placementAudit } from '../store/audit.ts';
import { migrations } from '../store/tables.ts';
import { createWorld } from '../store/world.ts';
import { aggregateRoutes } from './aggregates.ts';
import { allocationRoutes } from './allocations.ts';
import { byVersion } from './answers-by-version.ts';
import { candidateRoutes } from './candidates.ts';
import { placementFaults } from './fault-body.ts';
import { inventoryRoutes } from './inventories.ts';
import { policies } from './policies.ts';
import { providerRoutes } from './providers.ts';
import { reshaperRoutes } from './reshaper.ts';
import { resourceClassRoutes, traitRoutes } from './resource-classes.ts';
import { usageRoutes } from './usages.ts';

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
