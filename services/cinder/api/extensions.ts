// The API extensions that clients look up by name.
// https://docs.openstack.org/api-ref/block-storage/v3/#api-extensions-extensions
import type { Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';

const extensions = [
  ['Hosts', 'os-hosts', 'Admin-only host administration.'],
  ['Services', 'os-services', 'Services support.'],
  ['Quotas', 'os-quota-sets', 'Quota management support.'],
  ['QuotaClasses', 'os-quota-class-sets', 'Quota classes management support.'],
  ['AvailabilityZones', 'os-availability-zone', 'Describe Availability Zones.'],
  ['AdminActions', 'os-admin-actions', 'Enable admin actions.'],
  ['Backups', 'backups', 'Backups support.'],
  ['Capabilities', 'capabilities', 'Capabilities support.'],
  [
    'ExtendedSnapshotAttributes',
    'os-extended-snapshot-attributes',
    'Extended SnapshotAttributes support.',
  ],
  ['SchedulerStats', 'scheduler-stats', 'Scheduler stats support.'],
  ['SnapshotActions', 'os-snapshot-actions', 'Enable snapshot manager actions.'],
  ['TypesExtraSpecs', 'os-types-extra-specs', 'Type extra specs support.'],
  ['TypesManage', 'os-types-manage', 'Types manage support.'],
  ['UsedLimits', 'os-used-limits', 'Provide data on limited resource that are being used.'],
  ['VolumeActions', 'os-volume-actions', 'Enable volume actions.'],
  ['VolumeHostAttribute', 'os-vol-host-attr', 'Expose host as an attribute of a volume.'],
  ['VolumeImageMetadata', 'os-vol-image-meta', 'Show image metadata associated with the volume.'],
  [
    'VolumeTenantAttribute',
    'os-vol-tenant-attr',
    'Expose the internal project_id as an attribute of a volume.',
  ],
  ['VolumeTransfer', 'os-volume-transfer', 'Volume transfer management support.'],
  ['VolumeTypeAccess', 'os-volume-type-access', 'Volume type access support.'],
] as const;

export const extensionRoutes: readonly Route[] = [
  route('GET', '/extensions', {
    policy: 'volume:extensions',
    handler: () => ({
      status: 200,
      body: {
        extensions: extensions.map(([name, alias, description]) => ({
          name,
          alias,
          description,
          updated: '2016-01-01T00:00:00+00:00',
          links: [],
        })),
      },
    }),
  }),
];
