// The role nova-api: OpenStack's compute API.
import { namedFaultBody } from '#openstack/http/named-fault.ts';
import type { Route } from '#openstack/http/route.ts';
import type { Role } from '#openstack/role.ts';
import type { NovaDeps } from '../deps.ts';
import { aggregateRoutes } from './aggregates.ts';
import { assistedSnapshotRoutes } from './assisted-snapshots.ts';
import { availabilityZoneRoutes } from './availability-zones.ts';
import { extensionRoutes } from './extensions.ts';
import { externalEventRoutes } from './external-events.ts';
import { flavorAccessRoutes } from './flavor-access.ts';
import { flavorExtraSpecRoutes } from './flavor-extra-specs.ts';
import { flavorRoutes } from './flavors.ts';
import { hostRoutes } from './hosts.ts';
import { hypervisorRoutes } from './hypervisors.ts';
import { imageRoutes } from './images.ts';
import { instanceActionRoutes } from './instance-actions.ts';
import { keypairRoutes } from './keypairs.ts';
import { limitRoutes } from './limits.ts';
import { liveMigrationRoutes } from './live-migrations.ts';
import { migrationRoutes } from './migrations.ts';
import { networkRoutes } from './networks.ts';
import { policies } from './policies.ts';
import { quotaSetRoutes } from './quota-sets.ts';
import { removedRoutes } from './removed.ts';
import { securityGroupRoutes } from './security-groups.ts';
import { addressRoutes } from './server-addresses.ts';
import { serverGroupRoutes } from './server-groups.ts';
import { interfaceRoutes } from './server-interfaces.ts';
import { serverMetadataRoutes } from './server-metadata.ts';
import { serverSecurityGroupRoutes } from './server-security-groups.ts';
import { tagRoutes } from './server-tags.ts';
import { volumeRoutes } from './server-volumes.ts';
import { serverRoutes } from './servers/routes.ts';
import { serviceRoutes } from './services.ts';
import { tenantUsageRoutes } from './tenant-usage.ts';
import { microversions, versionRoutes } from './versions.ts';
import { cinderRoutes } from './volumes.ts';

export function createNovaApi(deps: NovaDeps): Role {
  const routes: readonly Route[] = [
    ...versionRoutes,
    ...serverRoutes(deps),
    ...addressRoutes(deps),
    ...interfaceRoutes(deps),
    ...serverGroupRoutes(deps),
    ...volumeRoutes(deps),
    ...assistedSnapshotRoutes(deps),
    ...serverSecurityGroupRoutes(deps),
    ...securityGroupRoutes(deps),
    ...networkRoutes(deps),
    ...externalEventRoutes(deps),
    ...serverMetadataRoutes(deps),
    ...tagRoutes(deps),
    ...instanceActionRoutes(deps),
    ...flavorRoutes(deps),
    ...flavorExtraSpecRoutes(deps),
    ...flavorAccessRoutes(deps),
    ...keypairRoutes(deps),
    ...imageRoutes(deps),
    ...cinderRoutes(deps),
    ...availabilityZoneRoutes(deps),
    ...aggregateRoutes(deps),
    ...serviceRoutes(deps),
    ...hypervisorRoutes(deps),
    ...hostRoutes(deps),
    ...migrationRoutes(deps),
    ...liveMigrationRoutes(deps),
    ...quotaSetRoutes(deps),
    ...limitRoutes(deps),
    ...tenantUsageRoutes(deps),
    ...extensionRoutes,
    ...removedRoutes,
  ];
  return {
    name: 'nova-api',
    http: [
      {
        name: 'nova',
        serviceType: 'compute',
        mount: '/compute',
        routes,
        faultStyle: { body: namedFaultBody },
        microversions,
        policies,
        requestIdHeader: 'x-compute-request-id',
      },
    ],
    rpc: [],
    tasks: [],
    sagas: [],
  };
}
