// The saga that imports a backup record: under the data's lock, when no deletion can be running, it
// checks again that the data exists. Started by api/backup-records.ts.
import { fault, isFault } from '#contracts/common/fault.ts';
import type { AnySaga } from '#platform/saga/saga.ts';
import { changeBackupIn } from '../store/backups.ts';
import { defineOperation } from '../store/operations.ts';
import type { BackupDeps } from './backup-deps.ts';
import { quickDeadlineMs, storeRetries } from './deadlines.ts';
import { failNewBackup } from './fail-backup.ts';

export function importBackup(deps: BackupDeps): AnySaga {
  const { db } = deps.database;
  const { clock, backups, log } = deps;
  return defineOperation<'cinder.import-backup'>({
    name: 'cinder.import-backup',
    steps: [
      {
        name: 'find',
        deadlineMs: quickDeadlineMs,
        retries: storeRetries,
        async run({ backupId, dataId }, _state, { requestId }) {
          const stored = await backups.list();
          if (isFault(stored)) return stored;
          if (!stored.includes(dataId))
            return fault(
              'notFound',
              `The data of backup ${backupId} was removed from the store ${backups.name}.`,
            );
          await changeBackupIn(
            db,
            backupId,
            ['creating'],
            { status: 'available', object_count: 1 },
            clock.now(),
          );
          log.info({ backup: backupId, data: dataId, req: requestId }, 'backup imported');
          return undefined;
        },
      },
    ],
    failed: async (input, _state, reason, context) =>
      await failNewBackup(deps, input, reason, context),
  });
}
