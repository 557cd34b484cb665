// What every part of cinder-backup gets; role.ts makes it of the role's deps.
import type { CinderSchedulerRpc } from '#contracts/cinder/scheduler-rpc.ts';
import type { CinderVolumeRpc } from '#contracts/cinder/volume-rpc.ts';
import type { RpcClient } from '#platform/bus/contract.ts';
import type { BackupStore } from '#ports/backup-store.ts';
import type { VolumeBackend } from '#ports/volume-backend.ts';
import type { CinderDeps } from '../deps.ts';

export interface BackupDeps extends CinderDeps {
  backups: BackupStore;
  /** Bytes are copied between these and `backups`; all else of them is cinder-volume's to do. */
  backends: ReadonlyMap<string, Pick<VolumeBackend, 'importFile' | 'exportFile'>>;
  /** For backups on their way: this process alone uses it. */
  spoolDir: string;
  scheduler: Pick<RpcClient<CinderSchedulerRpc>, 'call'>;
  volume: Pick<RpcClient<CinderVolumeRpc>, 'call' | 'cast'>;
}
