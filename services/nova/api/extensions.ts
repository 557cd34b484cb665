// The extensions of old: all of them are part of the API now, clients still ask for some by alias. A fixed list.
// https://docs.openstack.org/api-ref/compute/#extensions-extensions-deprecated
import { fault } from '#contracts/common/fault.ts';
import type { JsonObject } from '#contracts/common/json.ts';
import type { Route } from '#platform/http/api.ts';
import { route } from '#platform/http/api.ts';

/** Alias -> name; only what this service really answers. */
const extensions: Readonly<Record<string, string>> = {
  'OS-DCF': 'DiskConfig', 'OS-EXT-AZ': 'ExtendedAvailabilityZone', 'OS-EXT-SRV-ATTR': 'ExtendedServerAttributes', 'OS-EXT-STS': 'ExtendedStatus',
  'OS-FLV-DISABLED': 'FlavorDisabled', 'OS-FLV-EXT-DATA': 'FlavorExtraData', 'OS-SRV-USG': 'ServerUsage',
  'OS-EXT-IPS': 'ExtendedIps', 'OS-EXT-IPS-MAC': 'ExtendedIpsMac', 'os-attach-interfaces': 'AttachInterfaces', 'os-multinic': 'Multinic', 'os-security-groups': 'SecurityGroups', 'os-server-external-events': 'ServerExternalEvents',
  'os-admin-actions': 'AdminActions', 'os-aggregates': 'Aggregates', 'os-assisted-volume-snapshots': 'AssistedVolumeSnapshots', 'os-availability-zone': 'AvailabilityZone', 'os-config-drive': 'ConfigDrive',
  'os-console-output': 'ConsoleOutput', 'os-consoles': 'Consoles', 'os-extended-hypervisors': 'ExtendedHypervisors', 'os-extended-quotas': 'ExtendedQuotas', 'os-extended-services': 'ExtendedServices',
  'os-extended-services-delete': 'ExtendedServicesDelete', 'os-extended-volumes': 'ExtendedVolumes', 'os-floating-ip-pools': 'FloatingIpPools', 'os-floating-ips': 'FloatingIps', 'os-networks': 'Networks', 'os-tenant-networks': 'TenantNetworks', 'os-flavor-access': 'FlavorAccess', 'os-flavor-extra-specs': 'FlavorExtraSpecs',
  'os-flavor-manage': 'FlavorManage', 'os-flavor-rxtx': 'FlavorRxtx', 'os-flavor-swap': 'FlavorSwap', 'os-hosts': 'Hosts', 'os-hypervisor-status': 'HypervisorStatus', 'os-hypervisors': 'Hypervisors',
  'os-instance-actions': 'InstanceActions', 'os-keypairs': 'Keypairs', 'os-lock-server': 'LockServer', 'os-multiple-create': 'MultipleCreate', 'os-pause-server': 'PauseServer',
  'os-quota-class-sets': 'QuotaClasses', 'os-quota-sets': 'Quotas', 'os-remote-consoles': 'Consoles', 'os-rescue': 'Rescue', 'os-server-diagnostics': 'ServerDiagnostics',
  'os-server-sort-keys': 'ServerSortKeys', 'os-server-start-stop': 'ServerStartStop', 'os-services': 'Services', 'os-simple-tenant-usage': 'SimpleTenantUsage', 'os-suspend-server': 'SuspendServer',
  'os-used-limits': 'UsedLimits', 'os-used-limits-for-admin': 'UsedLimitsForAdmin', 'os-user-data': 'UserData', 'os-user-quotas': 'UserQuotas', 'os-volumes': 'Volumes',
  'OS-EXT-IMG-SIZE': 'ImageSize', 'image-metadata': 'ImageMetadata', images: 'Images', flavors: 'Flavors', limits: 'Limits', 'server-metadata': 'ServerMetadata', servers: 'Servers', versions: 'Versions',
};

const view = (alias: string, name: string): JsonObject => ({
  alias, name, description: `${name} is part of the API.`, links: [], namespace: 'http://docs.openstack.org/compute/ext/fake_xml', updated: '2014-12-03T00:00:00Z',
});

export const extensionRoutes: readonly Route[] = [
  route({ method: 'GET', path: '/v2.1/extensions', policy: 'os_compute_api:extensions', handler: () => ({ status: 200, body: { extensions: Object.entries(extensions).map(([alias, name]) => view(alias, name)) } }) }),
  route({ method: 'GET', path: '/v2.1/extensions/:alias', policy: 'os_compute_api:extensions', faults: ['notFound'], handler: ({ params }) => {
    const alias = params['alias'] ?? '';
    const name = Object.hasOwn(extensions, alias) ? extensions[alias] : undefined;
    return name === undefined ? fault('notFound', `Extension ${alias} could not be found.`) : { status: 200, body: { extension: view(alias, name) } };
  } }),
];
