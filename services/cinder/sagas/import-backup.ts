// The saga of a backup whose record is imported: its data is looked for again while nobody can be
// removing it. Begun by api/backup-records.ts.
import { fault, isFault } from '#contracts/common/fault.ts';
import type { AnySaga } from '#platform/saga/saga.ts';
import { saga } from '#platform/saga/saga.ts';
import { reasonFor } from '../domain/messages.ts';
import type { CinderParts } from '../parts.ts';
import { changeBackupIn } from '../store/backups.ts';
import { backendRetries, quickDeadlineMs, tellOwner } from './station.ts';

export type ImportInput = { backupId: string; dataId: string; projectId: string };

export const importBackupName = 'cinder.import-backup';

export function importBackup(parts: CinderParts): AnySaga {
  const {
    database: { db },
    clock,
    backups,
    log,
  } = parts;
  return saga<ImportInput, Record<string, never>>({
    name: importBackupName,
    steps: [
      {
        name: 'find',
        deadlineMs: quickDeadlineMs,
        retries: backendRetries,
        async run({ backupId, dataId }, _state, { requestId }) {
          const there = await backups.list();
          if (isFault(there)) return there;
          if (!there.includes(dataId))
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
    async failed({ backupId, projectId }, _state, reason, context) {
      await changeBackupIn(
        db,
        backupId,
        ['creating'],
        { status: 'error', fail_reason: reasonFor('createBackup', reason) },
        clock.now(),
      );
      await tellOwner(
        parts,
        'createBackup',
        { type: 'VOLUME_BACKUP', id: backupId, projectId },
        reason,
        context,
      );
    },
  });
}
