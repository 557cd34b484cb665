// Nova, as data. Its only face: compose takes routes, messages, sagas, tasks and migrations from
// here.
import type { Outcome } from '#contracts/common/fault.ts';
import type { NovaAudit } from '#contracts/nova/audit.ts';
import type { HttpFace, Route } from '#openstack/http/route.ts';
import type { Service } from '#openstack/service.ts';
import { aggregateRoutes } from './api/aggregates.ts';
import { assistedSnapshotRoutes } from './api/assisted-snapshots.ts';
import { availabilityZoneRoutes } from './api/availability-zones.ts';
import { consoleTarget } from './api/console-target.ts';
import { extensionRoutes } from './api/extensions.ts';
import { externalEventRoutes } from './api/external-events.ts';
import { novaFaults } from './api/fault-body.ts';
import { flavorAccessRoutes } from './api/flavor-access.ts';
import { flavorExtraSpecRoutes } from './api/flavor-extra-specs.ts';
import { flavorRoutes } from './api/flavors.ts';
import { hostRoutes } from './api/hosts.ts';
import { hypervisorRoutes } from './api/hypervisors.ts';
import { imageRoutes } from './api/images.ts';
import { instanceActionRoutes } from './api/instance-actions.ts';
import { keypairRoutes } from './api/keypairs.ts';
import { limitRoutes } from './api/limits.ts';
import { networkRoutes } from './api/networks.ts';
import { policies } from './api/policies.ts';
import { quotaSetRoutes } from './api/quota-sets.ts';
import { removedRoutes } from './api/removed.ts';
import { securityGroupRoutes } from './api/security-groups.ts';
import { addressRoutes } from './api/server-addresses.ts';
import { interfaceRoutes } from './api/server-interfaces.ts';
import { metadataRoutes } from './api/server-metadata.ts';
import { serverSecurityGroupRoutes } from './api/server-security-groups.ts';
import { tagRoutes } from './api/server-tags.ts';
import { volumeRoutes } from './api/server-volumes.ts';
import { serverRoutes } from './api/servers/routes.ts';
import { serviceRoutes } from './api/services.ts';
import { tenantUsageRoutes } from './api/tenant-usage.ts';
import { microversions, versionRoutes } from './api/versions.ts';
import { cinderRoutes } from './api/volumes.ts';
import { novaAudit } from './audit.ts';
import { conductor, sagas } from './conductor/conductor.ts';
import type { NovaDeps } from './deps.ts';
import { metadataFace } from './metadata/metadata-face.ts';
import { seedFlavors } from './seed.ts';
import { migrations } from './store/migrations/index.ts';
import { healNetworkInfo } from './tasks/heal-network-info.ts';
import { purgeDeletedTask } from './tasks/purge-deleted.ts';
import { reapPorts } from './tasks/reap-ports.ts';
import { reapVolumes } from './tasks/reap-volumes.ts';
import { removeAbandonedResources } from './tasks/remove-abandoned-resources.ts';
import { reportServices } from './tasks/report-services.ts';

export interface NovaService extends Service {
  /** The metadata API, for the proxies on the hosts: a face of its own. */
  metadata: HttpFace;
  /** What a console token opens; for the websocket proxy. */
  consoleTarget(token: string): Promise<Outcome<{ socketPath: string; serverName: string }>>;
  /** Makes the flavors a fresh cloud starts with; existing ones are left alone. */
  seed(): Promise<void>;
  /** What Nova's database says, for `cobalt doctor --audit`. */
  audit(): Promise<NovaAudit>;
}

/** `wakeSagas` tells the runner of these sagas to look at the journal. */
export function createNova(deps: NovaDeps, wakeSagas: () => void): NovaService {
  const routes: readonly Route[] = [
    ...versionRoutes,
    ...serverRoutes(deps),
    ...addressRoutes(deps),
    ...interfaceRoutes(deps),
    ...volumeRoutes(deps),
    ...assistedSnapshotRoutes(deps),
    ...serverSecurityGroupRoutes(deps),
    ...securityGroupRoutes(deps),
    ...networkRoutes(deps),
    ...externalEventRoutes(deps),
    ...metadataRoutes(deps),
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
    ...quotaSetRoutes(deps),
    ...limitRoutes(deps),
    ...tenantUsageRoutes(deps),
    ...extensionRoutes,
    ...removedRoutes,
  ];
  return {
    name: 'nova',
    http: {
      name: 'nova',
      serviceType: 'compute',
      mount: '/compute',
      routes,
      faultStyle: novaFaults,
      microversions,
      policies,
      requestIdHeader: 'x-compute-request-id',
    },
    metadata: metadataFace(deps),
    rpc: [conductor(deps, wakeSagas)],
    tasks: [
      reportServices(deps),
      purgeDeletedTask(deps),
      healNetworkInfo(deps),
      reapPorts(deps),
      reapVolumes(deps),
      removeAbandonedResources(deps),
    ],
    sagas: sagas(deps),
    migrations,
    consoleTarget: async (token) => await consoleTarget(deps, token),
    seed: async () => await seedFlavors(deps),
    audit: async () => await novaAudit(deps),
  };
}
