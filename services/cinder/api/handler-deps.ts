// What every handler of cinder-api receives; role.ts creates it from the role's deps. It contains
// no storage driver: facts of a backend or the backup store are asked of the other roles by RPC.
import type { CinderBackupRpc } from '#contracts/cinder/backup-rpc.ts';
import type { CinderSchedulerRpc } from '#contracts/cinder/scheduler-rpc.ts';
import type { CinderVolumeRpc } from '#contracts/cinder/volume-rpc.ts';
import type { RpcClient } from '#platform/bus/contract.ts';
import type { CinderDeps } from '../deps.ts';

export interface HandlerDeps extends CinderDeps {
  /**
   * Name of the backup store: the `container` of backups, and part of `backup_service` in records.
   */
  backupStoreName: string;
  scheduler: Pick<RpcClient<CinderSchedulerRpc>, 'call'>;
  volume: Pick<RpcClient<CinderVolumeRpc>, 'call'>;
  backup: Pick<RpcClient<CinderBackupRpc>, 'call'>;
  /**
   * Wakes cinder-volume to read the saga journal. If the message is lost, its next scan finds the
   * entry.
   */
  wakeVolume(requestId: string): Promise<void>;
  /** The same for cinder-backup. */
  wakeBackup(requestId: string): Promise<void>;
}
