// The saga that deletes a backup; the last backup that uses some data removes the data, too.
// Started by DELETE /backups/{id}.
import { isFault } from '#contracts/common/fault.ts';
import type { AnySaga } from '#platform/saga/saga.ts';
import { dataIdOf, deleteBackupRow, findBackup, sharesData } from '../store/backups.ts';
import { defineOperation } from '../store/operations.ts';
import type { BackupDeps } from './backup-deps.ts';
import { quickDeadlineMs } from './deadlines.ts';
import { failBackup } from './fail-backup.ts';

export function deleteBackup(deps: BackupDeps): AnySaga {
  const { db } = deps.database;
  const { backups, log } = deps;
  return defineOperation<'cinder.delete-backup'>({
    name: 'cinder.delete-backup',
    steps: [
      {
        name: 'remove',
        deadlineMs: quickDeadlineMs,
        retries: 3,
        async run({ backupId }, _state, { requestId }) {
          const backup = await findBackup(db, backupId, null);
          if (!backup) return undefined; // an earlier run removed it
          // Deletions and imports that use the same data need the lock of this saga, so the answer
          // stays valid.
          const removal = (await sharesData(db, backup))
            ? undefined
            : await backups.remove(dataIdOf(backup));
          if (isFault(removal)) return removal;
          await deleteBackupRow(db, backupId);
          log.info({ backup: backupId, req: requestId }, 'backup deleted');
          return undefined;
        },
      },
    ],
    failed: async (input, _state, reason, context) =>
      await failBackup(
        deps,
        input,
        { action: 'deleteBackup', from: 'deleting', to: 'error_deleting' },
        reason,
        context,
      ),
  });
}
