// What every module of cinder-backup receives; role.ts creates it from the role's deps.
import type { CinderSchedulerRpc } from '#contracts/cinder/scheduler-rpc.ts';
import type { CinderVolumeRpc } from '#contracts/cinder/volume-rpc.ts';
import type { RpcClient } from '#platform/bus/contract.ts';
import type { BackupStore } from '#ports/backup-store.ts';
import type { VolumeBackend } from '#ports/volume-backend.ts';
import type { CinderDeps } from '../deps.ts';

export interface BackupDeps extends CinderDeps {
  backups: BackupStore;
  /**
   * Volumes' bytes are copied between these and `backups`; all else about backends is
   * cinder-volume's.
   */
  backends: ReadonlyMap<string, Pick<VolumeBackend, 'importFile' | 'exportFile'>>;
  /** For files of backups in transit. No other process uses this folder. */
  spoolDir: string;
  scheduler: Pick<RpcClient<CinderSchedulerRpc>, 'call'>;
  volume: Pick<RpcClient<CinderVolumeRpc>, 'call' | 'cast'>;
}
