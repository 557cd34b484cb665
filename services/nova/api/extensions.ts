// The extensions API, deprecated upstream. Extensions became part of the compute API, but old
// clients still look some up by alias, so a fixed list is answered.
// https://docs.openstack.org/api-ref/compute/#extensions-extensions-deprecated
import { fault } from '#contracts/common/fault.ts';
import type { JsonObject } from '#contracts/common/json.ts';
import type { Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';

/**
 * Alias -> name. Upstream's list, which is the same in every cloud, whether a feature is in use or
 * not.
 * nova.api.openstack.compute.extension_info
 */
const extensions: Readonly<Record<string, string>> = {
  NMN: 'Multinic',
  'OS-DCF': 'DiskConfig',
  'OS-EXT-AZ': 'ExtendedAvailabilityZone',
  'OS-EXT-IMG-SIZE': 'ImageSize',
  'OS-EXT-IPS': 'ExtendedIps',
  'OS-EXT-IPS-MAC': 'ExtendedIpsMac',
  'OS-EXT-SRV-ATTR': 'ExtendedServerAttributes',
  'OS-EXT-STS': 'ExtendedStatus',
  'OS-FLV-DISABLED': 'FlavorDisabled',
  'OS-FLV-EXT-DATA': 'FlavorExtraData',
  'OS-SCH-HNT': 'SchedulerHints',
  'OS-SRV-USG': 'ServerUsage',
  'os-access-ips': 'AccessIPs',
  'os-admin-actions': 'AdminActions',
  'os-admin-password': 'AdminPassword',
  'os-agents': 'Agents',
  'os-aggregates': 'Aggregates',
  'os-assisted-volume-snapshots': 'AssistedVolumeSnapshots',
  'os-attach-interfaces': 'AttachInterfaces',
  'os-availability-zone': 'AvailabilityZone',
  'os-baremetal-ext-status': 'BareMetalExtStatus',
  'os-baremetal-nodes': 'BareMetalNodes',
  'os-block-device-mapping': 'BlockDeviceMapping',
  'os-block-device-mapping-v2-boot': 'BlockDeviceMappingV2Boot',
  'os-cell-capacities': 'CellCapacities',
  'os-cells': 'Cells',
  'os-certificates': 'Certificates',
  'os-cloudpipe': 'Cloudpipe',
  'os-cloudpipe-update': 'CloudpipeUpdate',
  'os-config-drive': 'ConfigDrive',
  'os-console-auth-tokens': 'ConsoleAuthTokens',
  'os-console-output': 'ConsoleOutput',
  'os-consoles': 'Consoles',
  'os-create-backup': 'CreateBackup',
  'os-create-server-ext': 'Createserverext',
  'os-deferred-delete': 'DeferredDelete',
  'os-evacuate': 'Evacuate',
  'os-extended-evacuate-find-host': 'ExtendedEvacuateFindHost',
  'os-extended-floating-ips': 'ExtendedFloatingIps',
  'os-extended-hypervisors': 'ExtendedHypervisors',
  'os-extended-networks': 'ExtendedNetworks',
  'os-extended-quotas': 'ExtendedQuotas',
  'os-extended-rescue-with-image': 'ExtendedRescueWithImage',
  'os-extended-services': 'ExtendedServices',
  'os-extended-services-delete': 'ExtendedServicesDelete',
  'os-extended-status': 'ExtendedStatus',
  'os-extended-volumes': 'ExtendedVolumes',
  'os-fixed-ips': 'FixedIPs',
  'os-flavor-access': 'FlavorAccess',
  'os-flavor-extra-specs': 'FlavorExtraSpecs',
  'os-flavor-manage': 'FlavorManage',
  'os-flavor-rxtx': 'FlavorRxtx',
  'os-flavor-swap': 'FlavorSwap',
  'os-floating-ip-dns': 'FloatingIpDns',
  'os-floating-ip-pools': 'FloatingIpPools',
  'os-floating-ips': 'FloatingIps',
  'os-floating-ips-bulk': 'FloatingIpsBulk',
  'os-fping': 'Fping',
  'os-hide-server-addresses': 'HideServerAddresses',
  'os-hosts': 'Hosts',
  'os-hypervisor-status': 'HypervisorStatus',
  'os-hypervisors': 'Hypervisors',
  'os-instance-actions': 'InstanceActions',
  'os-instance_usage_audit_log': 'OSInstanceUsageAuditLog',
  'os-keypairs': 'Keypairs',
  'os-lock-server': 'LockServer',
  'os-migrate-server': 'MigrateServer',
  'os-migrations': 'Migrations',
  'os-multiple-create': 'MultipleCreate',
  'os-networks': 'Networks',
  'os-networks-associate': 'NetworkAssociationSupport',
  'os-pause-server': 'PauseServer',
  'os-personality': 'Personality',
  'os-preserve-ephemeral-rebuild': 'PreserveEphemeralOnRebuild',
  'os-quota-class-sets': 'QuotaClasses',
  'os-quota-sets': 'Quotas',
  'os-rescue': 'Rescue',
  'os-security-group-default-rules': 'SecurityGroupDefaultRules',
  'os-security-groups': 'SecurityGroups',
  'os-server-diagnostics': 'ServerDiagnostics',
  'os-server-external-events': 'ServerExternalEvents',
  'os-server-group-quotas': 'ServerGroupQuotas',
  'os-server-groups': 'ServerGroups',
  'os-server-list-multi-status': 'ServerListMultiStatus',
  'os-server-password': 'ServerPassword',
  'os-server-sort-keys': 'ServerSortKeys',
  'os-server-start-stop': 'ServerStartStop',
  'os-services': 'Services',
  'os-shelve': 'Shelve',
  'os-simple-tenant-usage': 'SimpleTenantUsage',
  'os-suspend-server': 'SuspendServer',
  'os-tenant-networks': 'OSTenantNetworks',
  'os-used-limits': 'UsedLimits',
  'os-used-limits-for-admin': 'UsedLimitsForAdmin',
  'os-user-data': 'UserData',
  'os-user-quotas': 'UserQuotas',
  'os-virtual-interfaces': 'VirtualInterfaces',
  'os-volume-attachment-update': 'VolumeAttachmentUpdate',
  'os-volumes': 'Volumes',
};

const view = (alias: string, name: string): JsonObject => ({
  alias,
  name,
  description: `${name} is part of the API.`,
  links: [],
  namespace: 'http://docs.openstack.org/compute/ext/fake_xml',
  updated: '2014-12-03T00:00:00Z',
});

export const extensionRoutes: readonly Route[] = [
  route('GET', '/v2.1/extensions', {
    policy: 'os_compute_api:extensions',
    handler: () => ({
      status: 200,
      body: { extensions: Object.entries(extensions).map(([alias, name]) => view(alias, name)) },
    }),
  }),
  route('GET', '/v2.1/extensions/:alias', {
    policy: 'os_compute_api:extensions',
    faults: ['notFound'],
    handler: ({ params }) => {
      const alias = params['alias'] ?? '';
      const name = Object.hasOwn(extensions, alias) ? extensions[alias] : undefined;
      return name === undefined
        ? fault('notFound', `Extension ${alias} could not be found.`)
        : { status: 200, body: { extension: view(alias, name) } };
    },
  }),
];
