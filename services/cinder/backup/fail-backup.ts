// What a failed saga records on a backup: status, reason, and a user message for its owner.
import type { BackupStatus } from '#contracts/cinder/volume-states.ts';
import type { Fault } from '#contracts/common/fault.ts';
import type { SagaContext } from '#platform/saga/saga.ts';
import { reasonFor } from '../domain/messages.ts';
import { changeBackupIn } from '../store/backups.ts';
import { leaveMessage } from '../store/owner-messages.ts';
import type { BackupDeps } from './backup-deps.ts';

/** Sets the failed status only while the backup is still in status `from`. Idempotent. */
export async function failBackup(
  deps: BackupDeps,
  { backupId, projectId }: { backupId: string; projectId: string },
  {
    action,
    from,
    to,
  }: { action: 'createBackup' | 'deleteBackup'; from: BackupStatus; to: BackupStatus },
  reason: Fault,
  context: SagaContext,
): Promise<void> {
  await changeBackupIn(
    deps.database.db,
    backupId,
    [from],
    { status: to, fail_reason: reasonFor(action, reason) },
    deps.clock.now(),
  );
  await leaveMessage(
    deps,
    action,
    { type: 'VOLUME_BACKUP', id: backupId, projectId },
    reason,
    context,
  );
}

/** `failBackup` for a backup that is being created or imported. */
export const failNewBackup = async (
  deps: BackupDeps,
  input: { backupId: string; projectId: string },
  reason: Fault,
  context: SagaContext,
): Promise<void> =>
  await failBackup(
    deps,
    input,
    { action: 'createBackup', from: 'creating', to: 'error' },
    reason,
    context,
  );
