// Removal of temporary snapshots, taken for a single copy or backup of a volume that a guest was
// using. Called by the sagas of these copies and backups.
import type { SnapshotInput } from '#contracts/cinder/operations.ts';
import { volumeLock } from '#contracts/cinder/operations.ts';
import { transaction } from '#platform/db/transaction.ts';
import type { CinderDeps } from '../deps.ts';
import { enqueueOperation } from './operations.ts';
import { changeSnapshotIn } from './snapshots.ts';

/**
 * Marks the temporary snapshot as deleting and journals its removal. Called when the copy or backup
 * has ended, whether or not it succeeded. Idempotent. Afterwards the caller must wake
 * cinder-volume.
 */
export async function enqueueTemporaryRemoval(
  deps: Pick<CinderDeps, 'database' | 'sagas' | 'ids' | 'clock'>,
  input: SnapshotInput,
  requestId: string,
): Promise<void> {
  await transaction(deps.database.db, async (trx) => {
    const marked = await changeSnapshotIn(
      trx,
      input.snapshotId,
      ['creating', 'available', 'error'],
      { status: 'deleting' },
      deps.clock.now(),
    );
    if (marked)
      await enqueueOperation(deps, trx, requestId, {
        name: 'cinder.delete-snapshot',
        lockKey: volumeLock(input.volumeId),
        input,
      });
  });
}
