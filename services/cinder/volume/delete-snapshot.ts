// The saga that deletes a snapshot. Started by DELETE /snapshots/{id}, and for temporary snapshots
// after their copy.
import type { Outcome } from '#contracts/common/fault.ts';
import { isFault } from '#contracts/common/fault.ts';
import type { AnySaga } from '#platform/saga/saga.ts';
import type { SnapshotKey, VolumeBackend } from '#ports/volume-backend.ts';
import { backendOfVolume } from '../domain/backend-of-volume.ts';
import { isInUse } from '../store/attachments.ts';
import { defineOperation } from '../store/operations.ts';
import { leaveMessage } from '../store/owner-messages.ts';
import { changeSnapshotIn, deleteSnapshotRow, findSnapshot } from '../store/snapshots.ts';
import type { SnapshotRow } from '../store/tables.ts';
import { findVolume } from '../store/volumes.ts';
import { backendRetries, quickDeadlineMs } from './backends.ts';
import type { VolumeDeps } from './volume-deps.ts';

export function deleteSnapshot(deps: VolumeDeps): AnySaga {
  const { db } = deps.database;
  const { backends, clock, config, log } = deps;
  return defineOperation<'cinder.delete-snapshot'>({
    name: 'cinder.delete-snapshot',
    steps: [
      {
        name: 'remove',
        deadlineMs: config.copyTimeoutMs, // its data may have to be merged into its successor
        retries: backendRetries,
        async run({ snapshotId, volumeId }) {
          const volume = await findVolume(db, volumeId, null);
          if (!volume) return undefined; // the volume was deleted with all its snapshots
          const backend = backendOfVolume(backends, volume);
          const assisted = (await findSnapshot(db, snapshotId, null))?.assisted ?? null;
          return isFault(backend)
            ? backend
            : await removeSnapshot(
                backend,
                { id: snapshotId, volumeId },
                { inUse: await isInUse(db, volumeId), assisted },
              );
        },
      },
      {
        name: 'forget',
        deadlineMs: quickDeadlineMs,
        retries: 3,
        async run({ snapshotId, volumeId }, _state, { requestId }) {
          await deleteSnapshotRow(db, snapshotId);
          log.info({ snapshot: snapshotId, volume: volumeId, req: requestId }, 'snapshot deleted');
        },
      },
    ],
    async failed({ snapshotId, projectId }, _state, reason, context) {
      await changeSnapshotIn(
        db,
        snapshotId,
        ['deleting'],
        { status: 'error_deleting' },
        clock.now(),
      );
      await leaveMessage(
        deps,
        'deleteSnapshot',
        { type: 'VOLUME_SNAPSHOT', id: snapshotId, projectId },
        reason,
        context,
      );
    },
  });
}

/**
 * Deletes the snapshot, and files that an earlier undo could not remove because the backend was
 * away. Such files stay if a guest may be writing to them (`assisted` is asked or done).
 */
export async function removeSnapshot(
  backend: VolumeBackend,
  key: SnapshotKey,
  { inUse, assisted }: { inUse: boolean; assisted: SnapshotRow['assisted'] },
): Promise<Outcome<void>> {
  const deletion = await backend.deleteSnapshot(key, { inUse });
  return isFault(deletion) || assisted === 'asked' || assisted === 'done'
    ? deletion
    : await backend.abandonOnlineSnapshot(key);
}
