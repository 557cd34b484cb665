// Every route of Neutron. Called by role.ts.
import type { Route } from '#openstack/http/route.ts';
import { agentRoutes } from './agents.ts';
import { autoTopologyRoutes } from './auto-topology.ts';
import { availabilityZoneRoutes } from './availability-zones.ts';
import { extensionRoutes } from './extensions.ts';
import { ipAvailabilityRoutes } from './ip-availability.ts';
import type { NeutronParts } from './parts.ts';
import { portBindingRoutes } from './port-bindings.ts';
import { quotaRoutes } from './quotas.ts';
import { resourceRoutes } from './resource-routes.ts';
import { resources } from './resources.ts';
import { routerActionRoutes } from './router-actions.ts';
import { versionRoutes } from './versions.ts';

export function neutronRoutes(parts: NeutronParts): readonly Route[] {
  return [
    ...versionRoutes,
    ...resources.flatMap((resource) => resourceRoutes(parts, resource)),
    ...portBindingRoutes(parts),
    ...routerActionRoutes(parts),
    ...quotaRoutes(parts),
    ...agentRoutes(parts),
    ...availabilityZoneRoutes(parts),
    ...autoTopologyRoutes(parts),
    ...ipAvailabilityRoutes(parts),
    ...extensionRoutes,
  ];
}
