// The role `placement`: resource providers with their inventories, and the allocations of
// consumers. Any number of processes may run it on one database. Created by compose.
import type { Microversions, Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import type { Role } from '#openstack/role.ts';
import type { PlacementDeps } from '../deps.ts';
import { writeAllocations } from '../store/allocations.ts';
import { ClaimQueue } from '../store/claim-queue.ts';
import { createWorld } from '../store/world.ts';
import { aggregateRoutes } from './aggregates.ts';
import { allocationRoutes } from './allocations.ts';
import { byVersion } from './answers-by-version.ts';
import { candidateRoutes } from './candidates.ts';
import { placementFaults } from './fault-body.ts';
import { inventoryRoutes } from './inventories.ts';
import type { PlacementParts } from './parts.ts';
import { policies } from './policies.ts';
import { providerTraitRoutes } from './provider-traits.ts';
import { providerRoutes } from './providers.ts';
import { reshaperRoutes } from './reshaper.ts';
import { resourceClassRoutes } from './resource-classes.ts';
import { traitRoutes } from './traits.ts';
import { usageRoutes } from './usages.ts';

const microversions: Microversions = { type: 'placement', major: 1, min: 0, max: 39 };

const versionDocument: Route = route('GET', '/', {
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

export function createPlacementApi(deps: PlacementDeps): Role {
  const { db } = deps.database;
  const claims = new ClaimQueue(
    async (requests) => await writeAllocations(db, requests, deps.clock.now()),
  );
  const parts: PlacementParts = { ...deps, world: createWorld(db), claims };
  const routes = [
    providerRoutes,
    inventoryRoutes,
    aggregateRoutes,
    traitRoutes,
    providerTraitRoutes,
    resourceClassRoutes,
    allocationRoutes,
    reshaperRoutes,
    usageRoutes,
    candidateRoutes,
  ].flatMap((of) => of(parts));
  return {
    name: 'placement',
    http: [
      {
        name: 'placement',
        serviceType: 'placement',
        mount: '/placement',
        routes: [versionDocument, ...routes].map((one) => byVersion(one, deps.clock)),
        faultStyle: placementFaults,
        microversions,
        policies,
        honoursAccept: true,
        maxBodyBytes: 1024 * 1024,
      },
    ],
    rpc: [],
    tasks: [],
    sagas: [],
  };
}
