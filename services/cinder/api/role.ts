// The role cinder-api: the block storage API. It reads and writes the database and journals sagas,
// which cinder-volume and cinder-backup execute.
import type { CinderBackupRpc } from '#contracts/cinder/backup-rpc.ts';
import { cinderBackupTopic } from '#contracts/cinder/backup-rpc.ts';
import type { CinderSchedulerRpc } from '#contracts/cinder/scheduler-rpc.ts';
import { cinderSchedulerTopic } from '#contracts/cinder/scheduler-rpc.ts';
import type { CinderVolumeRpc } from '#contracts/cinder/volume-rpc.ts';
import { cinderVolumeTopic } from '#contracts/cinder/volume-rpc.ts';
import { namedFaultBody } from '#openstack/http/named-fault.ts';
import type { Route } from '#openstack/http/route.ts';
import type { Role } from '#openstack/role.ts';
import { rpcClient } from '#platform/bus/contract.ts';
import type { CinderDeps } from '../deps.ts';
import { attachmentRoutes } from './attachments.ts';
import { availabilityZoneRoutes } from './availability-zones.ts';
import { backupRecordRoutes } from './backup-records.ts';
import { backupRoutes } from './backups.ts';
import { createVolumeRoutes } from './create-volume.ts';
import { extensionRoutes } from './extensions.ts';
import type { HandlerDeps } from './handler-deps.ts';
import { hostRoutes } from './hosts.ts';
import { messageRoutes } from './messages.ts';
import { volumeMetadataRoutes } from './metadata.ts';
import { policies } from './policies.ts';
import { poolRoutes } from './pools.ts';
import { quotaRoutes } from './quotas.ts';
import { underBothPaths } from './request.ts';
import { serviceRoutes } from './services.ts';
import { snapshotRoutes } from './snapshots.ts';
import { transferRoutes } from './transfers.ts';
import { typeAccessRoutes } from './type-access.ts';
import { typeExtraSpecRoutes } from './type-extra-specs.ts';
import { typeRoutes } from './types.ts';
import { unsupportedRoutes } from './unsupported.ts';
import { microversions, versionRoutes } from './versions.ts';
import { volumeActionRoutes } from './volume-actions.ts';
import { volumeRoutes } from './volumes.ts';

export interface CinderApiDeps extends CinderDeps {
  /** Name of the backup store that cinder-backup uses. */
  backupStoreName: string;
}

export function createCinderApi(roleDeps: CinderApiDeps): Role {
  const { bus } = roleDeps;
  const volume = rpcClient<CinderVolumeRpc>(bus, cinderVolumeTopic);
  const backup = rpcClient<CinderBackupRpc>(bus, cinderBackupTopic);
  const deps: HandlerDeps = {
    ...roleDeps,
    scheduler: rpcClient<CinderSchedulerRpc>(bus, cinderSchedulerTopic),
    volume,
    backup,
    // The saga is in the journal already: if the cast fails, the next scan finds it.
    wakeVolume: async (requestId) => void (await volume.cast('wakeSagas', {}, { requestId })),
    wakeBackup: async (requestId) => void (await backup.cast('wakeSagas', {}, { requestId })),
  };
  return {
    name: 'cinder-api',
    http: [
      {
        name: 'cinder',
        serviceType: 'volumev3',
        mount: '/volume',
        routes: [...versionRoutes, ...underBothPaths(routesOf(deps))],
        faultStyle: { status: { overQuota: 413 }, body: namedFaultBody },
        microversions,
        policies,
      },
    ],
    rpc: [],
    tasks: [],
    sagas: [],
  };
}

const routesOf = (deps: HandlerDeps): readonly Route[] => [
  ...createVolumeRoutes(deps),
  ...volumeRoutes(deps),
  ...volumeMetadataRoutes(deps, 'volumes'),
  ...volumeActionRoutes(deps),
  ...snapshotRoutes(deps),
  ...volumeMetadataRoutes(deps, 'snapshots'),
  ...attachmentRoutes(deps),
  ...backupRoutes(deps),
  ...backupRecordRoutes(deps),
  ...transferRoutes(deps),
  ...typeRoutes(deps),
  ...typeAccessRoutes(deps),
  ...typeExtraSpecRoutes(deps),
  ...quotaRoutes(deps),
  ...serviceRoutes(deps),
  ...hostRoutes(deps),
  ...poolRoutes(deps),
  ...availabilityZoneRoutes(deps),
  ...extensionRoutes,
  ...messageRoutes(deps),
  ...unsupportedRoutes,
];
