// A snapshot of a volume that a guest is writing: through Nova, the guest's hypervisor switches to
// a new file for later writes. Called by create-snapshot.ts.
import type { SnapshotInput } from '#contracts/cinder/operations.ts';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { SagaContext } from '#platform/saga/saga.ts';
import { isInUse } from '../store/attachments.ts';
import { changeSnapshot, findSnapshot } from '../store/snapshots.ts';
import { placedVolume, undoOnBackend } from './backends.ts';
import { assistSnapshot } from './nova.ts';
import type { VolumeDeps } from './volume-deps.ts';

const checkEveryMs = 100;

/**
 * Asks Nova once and waits for its result, which arrives as os-update_snapshot_status. After a
 * crash Nova may be asked again; it recognises a repetition by the snapshot's id.
 */
export async function switchGuest(
  deps: VolumeDeps,
  { snapshotId, volumeId }: SnapshotInput,
  newFile: string,
  { requestId, signal }: SagaContext,
): Promise<Outcome<void>> {
  const { db } = deps.database;
  const { clock } = deps;
  const answer = async () => (await findSnapshot(db, snapshotId, null))?.assisted;
  if ((await answer()) === 'done') return undefined;
  await changeSnapshot(db, snapshotId, { assisted: 'asked' }, clock.now());
  const reply = await assistSnapshot(deps, { id: snapshotId, volumeId, newFile }, requestId);
  if (isFault(reply)) {
    if (reply.kind === 'conflict' || reply.kind === 'notFound' || reply.kind === 'unauthorized')
      await changeSnapshot(db, snapshotId, { assisted: 'failed' }, clock.now());
    return reply;
  }
  const endsMs = clock.now() + deps.config.assistedSnapshotTimeoutMs;
  for (;;) {
    const state = await answer();
    if (state === 'done') return undefined;
    if (state !== 'asked') return fault('conflict', 'The hypervisor could not take the snapshot.');
    if (clock.now() > endsMs)
      return fault('conflict', 'The hypervisor did not say in time whether it took the snapshot.');
    await clock.sleep(checkEveryMs, { signal });
  }
}

/** Undoes the preparation, unless it is unknown which file the guest writes to. */
export async function undoPreparation(
  deps: VolumeDeps,
  { snapshotId, volumeId }: SnapshotInput,
  context: SagaContext,
): Promise<void> {
  const placed = await placedVolume(deps, volumeId);
  if (isFault(placed)) return;
  const { backend } = placed;
  const { db } = deps.database;
  const key = { id: snapshotId, volumeId };
  const state = (await findSnapshot(db, snapshotId, null))?.assisted ?? null;
  if (state === 'asked') {
    // The guest may write to the new or to the old file, so neither may be removed. The audit
    // reports it; detaching and deleting the volume still work.
    deps.log.error(
      { snapshot: snapshotId, volume: volumeId },
      'it is not known whether a guest took the snapshot: its file stays',
    );
    return;
  }
  if (state !== 'done')
    return await undoOnBackend(
      deps,
      `snapshot ${snapshotId}`,
      context,
      async () => await backend.abandonOnlineSnapshot(key),
    );
  // The guest writes to the new file, so the backend must add that file to the volume first.
  const finished = await backend.finishOnlineSnapshot(key);
  const undone = isFault(finished)
    ? finished
    : await backend.deleteSnapshot(key, { inUse: await isInUse(db, volumeId) });
  if (isFault(undone) && undone.kind !== 'notFound')
    throw new Error(`snapshot ${snapshotId} is not undone: ${undone.message}`);
}
