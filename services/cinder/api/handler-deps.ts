// What every handler of cinder-api gets; role.ts makes it of the role's deps. It holds no driver:
// what only a backend or the backup store can tell, the other roles are asked.
import type { CinderBackupRpc } from '#contracts/cinder/backup-rpc.ts';
import type { CinderSchedulerRpc } from '#contracts/cinder/scheduler-rpc.ts';
import type { CinderVolumeRpc } from '#contracts/cinder/volume-rpc.ts';
import type { RpcClient } from '#platform/bus/contract.ts';
import type { CinderDeps } from '../deps.ts';

export interface HandlerDeps extends CinderDeps {
  /** Of the backup store: `container` of backups, and part of their records' service. */
  backupStoreName: string;
  scheduler: Pick<RpcClient<CinderSchedulerRpc>, 'call'>;
  volume: Pick<RpcClient<CinderVolumeRpc>, 'call'>;
  backup: Pick<RpcClient<CinderBackupRpc>, 'call'>;
  /** Tells cinder-volume to look at the journal. A lost message costs a scan period. */
  wakeVolume(requestId: string): Promise<void>;
  /** The same for cinder-backup. */
  wakeBackup(requestId: string): Promise<void>;
}
