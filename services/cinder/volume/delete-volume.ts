// The saga that deletes a volume with its snapshots. Started by DELETE /volumes/{id} and
// os-force_delete.
import { isFault } from '#contracts/common/fault.ts';
import { transaction } from '#platform/db/transaction.ts';
import type { AnySaga } from '#platform/saga/saga.ts';
import { backendOfVolume } from '../domain/backend-of-volume.ts';
import { defineOperation } from '../store/operations.ts';
import { leaveMessage } from '../store/owner-messages.ts';
import { changeSnapshot, snapshotsOf } from '../store/snapshots.ts';
import { changeVolumeIn, deleteVolumeRows, findVolume } from '../store/volumes.ts';
import { backendRetries, quickDeadlineMs } from './backends.ts';
import type { VolumeDeps } from './volume-deps.ts';

export function deleteVolume(deps: VolumeDeps): AnySaga {
  const { db } = deps.database;
  const { backends, clock, log } = deps;
  return defineOperation<'cinder.delete-volume'>({
    name: 'cinder.delete-volume',
    steps: [
      {
        name: 'remove',
        deadlineMs: quickDeadlineMs,
        retries: backendRetries,
        async run({ volumeId }) {
          const volume = await findVolume(db, volumeId, null);
          // An earlier run deleted it, or it was never placed.
          if (!volume || volume.host === null) return undefined;
          const backend = backendOfVolume(backends, volume);
          return isFault(backend) ? backend : await backend.deleteVolume(volumeId);
        },
      },
      {
        name: 'forget',
        deadlineMs: quickDeadlineMs,
        retries: 3,
        async run({ volumeId }, _state, { requestId }) {
          await transaction(db, async (trx) => await deleteVolumeRows(trx, volumeId));
          log.info({ volume: volumeId, req: requestId }, 'volume deleted');
        },
      },
    ],
    async failed({ volumeId, projectId }, _state, reason, context) {
      const now = clock.now();
      await changeVolumeIn(db, volumeId, ['deleting'], { status: 'error_deleting' }, now);
      for (const snapshot of await snapshotsOf(db, volumeId))
        if (snapshot.status === 'deleting')
          await changeSnapshot(db, snapshot.id, { status: 'error_deleting' }, now);
      await leaveMessage(
        deps,
        'deleteVolume',
        { type: 'VOLUME', id: volumeId, projectId },
        reason,
        context,
      );
    },
  });
}
