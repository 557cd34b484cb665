// Cinder, as data. Its only face: compose takes routes, messages, sagas, tasks and migrations from
// here.
import type { CinderAudit } from '#contracts/cinder/audit.ts';
import type { CinderVolumeRpc } from '#contracts/cinder/volume-rpc.ts';
import { cinderVolumeTopic } from '#contracts/cinder/volume-rpc.ts';
import type { Service } from '#openstack/service.ts';
import { rpcClient, rpcServer } from '#platform/bus/contract.ts';
import { attachmentRoutes } from './api/attachments.ts';
import { backupRecordRoutes } from './api/backup-records.ts';
import { backupRoutes } from './api/backups.ts';
import { createVolumeRoutes } from './api/create-volume.ts';
import { cinderFaults } from './api/fault-body.ts';
import { houseRoutes } from './api/house.ts';
import { messageRoutes } from './api/messages.ts';
import { metadataRoutes } from './api/metadata.ts';
import { policies } from './api/policies.ts';
import { quotaRoutes } from './api/quotas.ts';
import { underBothPaths } from './api/request.ts';
import { snapshotRoutes } from './api/snapshots.ts';
import { transferRoutes } from './api/transfers.ts';
import { typeExtraSpecRoutes } from './api/type-extra-specs.ts';
import { typeRoutes } from './api/types.ts';
import { unsupportedRoutes } from './api/unsupported.ts';
import { microversions, versionRoutes } from './api/versions.ts';
import { volumeActionRoutes } from './api/volume-actions.ts';
import { volumeRoutes } from './api/volumes.ts';
import { cinderAudit } from './audit.ts';
import type { CinderDeps } from './deps.ts';
import type { CinderParts } from './parts.ts';
import { createBackup, deleteBackup, restoreBackup } from './sagas/backups.ts';
import { createVolume } from './sagas/create-volume.ts';
import { deleteVolume } from './sagas/delete-volume.ts';
import { extendVolume } from './sagas/extend-volume.ts';
import { importBackup } from './sagas/import-backup.ts';
import { releaseVolume } from './sagas/release-volume.ts';
import { createSnapshot, deleteSnapshot } from './sagas/snapshots.ts';
import { uploadImage } from './sagas/upload-image.ts';
import { watchPools } from './sagas/watch-pools.ts';
import { seed } from './seed.ts';
import { migrations } from './store/migrations/index.ts';
import { reportBackends, reportBackendsTask } from './tasks/report-backends.ts';
import { emptySpool, purgeMessagesTask } from './tasks/tidy.ts';

export interface CinderService extends Service {
  /**
   * Makes the volume types of a fresh cloud and shows its services. Once in a cloud's life; safe to
   * repeat.
   */
  seed(): Promise<void>;
  /**
   * What Cinder's database says and how the backends and the backup store differ from it, for
   * `cobalt doctor --audit`.
   */
  audit(): Promise<CinderAudit>;
}

/** `wakeSagas` tells the runner of these sagas to look at the journal. */
export function createCinder(deps: CinderDeps, wakeSagas: () => void): CinderService {
  const volumeRpc = rpcClient<CinderVolumeRpc>(deps.bus, cinderVolumeTopic);
  const parts: CinderParts = {
    ...deps,
    pools: watchPools(deps),
    wake: async (requestId) => await volumeRpc.cast('wakeSagas', {}, { requestId }),
  };
  const routes = underBothPaths([
    ...createVolumeRoutes(parts),
    ...volumeRoutes(parts),
    ...metadataRoutes(parts, 'volumes'),
    ...volumeActionRoutes(parts),
    ...snapshotRoutes(parts),
    ...metadataRoutes(parts, 'snapshots'),
    ...attachmentRoutes(parts),
    ...backupRoutes(parts),
    ...backupRecordRoutes(parts),
    ...transferRoutes(parts),
    ...typeRoutes(parts),
    ...typeExtraSpecRoutes(parts),
    ...quotaRoutes(parts),
    ...houseRoutes(parts),
    ...messageRoutes(parts),
    ...unsupportedRoutes,
  ]);
  return {
    name: 'cinder',
    http: {
      name: 'cinder',
      serviceType: 'volumev3',
      mount: '/volume',
      routes: [...versionRoutes, ...routes],
      faultStyle: cinderFaults,
      microversions,
      policies,
    },
    rpc: [
      rpcServer<CinderVolumeRpc>(cinderVolumeTopic, {
        wakeSagas: async () => {
          wakeSagas();
          return null;
        },
      }),
    ],
    tasks: [
      reportBackendsTask(parts),
      purgeMessagesTask(parts),
      emptySpool(parts, deps.clock.now()),
    ],
    sagas: [
      createVolume(parts),
      deleteVolume(parts),
      extendVolume(parts),
      releaseVolume(parts),
      createSnapshot(parts),
      deleteSnapshot(parts),
      uploadImage(parts),
      createBackup(parts),
      restoreBackup(parts),
      deleteBackup(parts),
      importBackup(parts),
    ],
    migrations,
    seed: async () => {
      await seed(deps);
      await reportBackends(parts);
    },
    audit: async () => await cinderAudit(parts),
  };
}
