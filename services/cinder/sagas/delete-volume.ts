// The saga that removes a volume with its snapshots. Begun by DELETE /volumes/{id} and
// os-force_delete.
import { isFault } from '#contracts/common/fault.ts';
import { transaction } from '#platform/db/transaction.ts';
import type { AnySaga } from '#platform/saga/saga.ts';
import { saga } from '#platform/saga/saga.ts';
import type { CinderParts } from '../parts.ts';
import { snapshotsOf, changeSnapshot } from '../store/snapshots.ts';
import { changeVolumeIn, deleteVolumeRows } from '../store/volumes.ts';
import { backendFor, backendRetries, quickDeadlineMs, tellOwner, volumeOf } from './station.ts';

export type DeleteInput = { volumeId: string; projectId: string };
export const deleteVolumeName = 'cinder.delete-volume';

export function deleteVolume(parts: CinderParts): AnySaga {
  const {
    database: { db },
    clock,
    log,
  } = parts;
  return saga<DeleteInput, Record<string, never>>({
    name: deleteVolumeName,
    steps: [
      {
        name: 'remove',
        deadlineMs: quickDeadlineMs,
        retries: backendRetries,
        async run({ volumeId }) {
          const volume = await volumeOf(parts, volumeId);
          // gone in an earlier life, or never placed
          if (isFault(volume) || volume.host === null) return undefined;
          const backend = backendFor(parts, volume);
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
      await tellOwner(
        parts,
        'deleteVolume',
        { type: 'VOLUME', id: volumeId, projectId },
        reason,
        context,
      );
    },
  });
}
