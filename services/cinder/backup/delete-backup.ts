// The saga that removes a backup, and its data with the last backup that shares it. Begun by DELETE
// /backups/{id}.
import { isFault } from '#contracts/common/fault.ts';
import type { AnySaga } from '#platform/saga/saga.ts';
import { reasonFor } from '../domain/messages.ts';
import {
  changeBackupIn,
  dataIdOf,
  deleteBackupRow,
  findBackup,
  sharesData,
} from '../store/backups.ts';
import { defineOperation } from '../store/operations.ts';
import { tellOwner } from '../store/owner-messages.ts';
import type { BackupDeps } from './backup-deps.ts';
import { quickDeadlineMs } from './deadlines.ts';

export function deleteBackup(deps: BackupDeps): AnySaga {
  const {
    database: { db },
    clock,
    backups,
    log,
  } = deps;
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
          // Who deletes or imports the same data waits for this saga's lock: the answer stays true.
          const removed = (await sharesData(db, backup))
            ? undefined
            : await backups.remove(dataIdOf(backup));
          if (isFault(removed)) return removed;
          await deleteBackupRow(db, backupId);
          log.info({ backup: backupId, req: requestId }, 'backup deleted');
          return undefined;
        },
      },
    ],
    async failed({ backupId, projectId }, _state, reason, context) {
      await changeBackupIn(
        db,
        backupId,
        ['deleting'],
        { status: 'error_deleting', fail_reason: reasonFor('deleteBackup', reason) },
        clock.now(),
      );
      await tellOwner(
        deps,
        'deleteBackup',
        { type: 'VOLUME_BACKUP', id: backupId, projectId },
        reason,
        context,
      );
    },
  });
}
