// The sagas that create a volume: choose a pool, create it (blank or as a copy), fill it from an
// image. Started by POST /volumes. No step takes or frees quota: usage is counted from the rows
// (store/quotas.ts), and a volume in `error` counts until it is deleted.
import type { CreateVolumeInput } from '#contracts/cinder/operations.ts';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { AnySaga, SagaStep } from '#platform/saga/saga.ts';
import type { VolumeOrigin } from '#ports/volume-backend.ts';
import { creationStatuses } from '../domain/creation-statuses.ts';
import { defineOperation } from '../store/operations.ts';
import { leaveMessage } from '../store/owner-messages.ts';
import { placeStep } from '../store/place-volume.ts';
import { requireSnapshot } from '../store/snapshots.ts';
import { enqueueTemporaryRemoval } from '../store/temporary-snapshots.ts';
import { changeVolumeIn, requireVolume } from '../store/volumes.ts';
import { backendRetries, placedVolume, quickDeadlineMs, undoOnBackend } from './backends.ts';
import { fillFromImage } from './fill-from-image.ts';
import type { VolumeDeps } from './volume-deps.ts';

type CreateState = { placed?: boolean };
type CreateStep = SagaStep<CreateVolumeInput, CreateState>;

/** The saga that creates a blank volume, which needs no copying. */
export const createVolume = (deps: VolumeDeps): AnySaga =>
  creation(deps, 'cinder.create-volume', {});

/**
 * The saga that creates a copy or a volume from an image: in a pool of its own, as copying may take
 * an hour.
 */
export const createVolumeWithData = (deps: VolumeDeps): AnySaga =>
  creation(deps, 'cinder.create-volume-with-data', { pool: 'copy' });

function creation(
  deps: VolumeDeps,
  name: 'cinder.create-volume' | 'cinder.create-volume-with-data',
  options: { pool?: string },
): AnySaga {
  const { clock, database } = deps;
  return defineOperation<'cinder.create-volume' | 'cinder.create-volume-with-data', CreateState>({
    name,
    ...options,
    steps: [placeStep(deps, backendRetries), makeStep(deps), fillStep(deps), finishStep(deps)],
    async failed(input, { placed }, reason, context) {
      const { volumeId, projectId, imageId } = input;
      await removeTemporary(deps, input, context.requestId);
      const volume = await requireVolume(database.db, volumeId);
      if (isFault(volume) || !creationStatuses.includes(volume.status)) return;
      const action = placed
        ? imageId === null
          ? 'createVolume'
          : 'downloadImage'
        : 'scheduleVolume';
      await leaveMessage(
        deps,
        action,
        { type: 'VOLUME', id: volumeId, projectId },
        reason,
        context,
      );
      await changeVolumeIn(
        database.db,
        volumeId,
        creationStatuses,
        { status: 'error', creating_lock: null },
        clock.now(),
      );
    },
  });
}

const makeStep = (deps: VolumeDeps): CreateStep => ({
  name: 'make',
  deadlineMs: deps.config.copyTimeoutMs,
  retries: backendRetries,
  async run(input, _state, { signal }) {
    const placed = await placedVolume(deps, input.volumeId);
    if (isFault(placed)) return placed;
    const untaken = await missingTemporary(deps, input);
    if (untaken) return untaken;
    const { volume, backend } = placed;
    return await backend.createVolume(volume.id, volume.size_gib, originOf(input), { signal });
  },
  undo: async ({ volumeId }, _state, context) => await discardVolume(deps, volumeId, context),
});

const fillStep = (deps: VolumeDeps): CreateStep => ({
  name: 'fill',
  deadlineMs: deps.config.copyTimeoutMs,
  retries: backendRetries,
  run: async ({ volumeId, imageId }, _state, context) =>
    imageId === null ? undefined : await fillFromImage(deps, volumeId, imageId, context),
});

const finishStep = (deps: VolumeDeps): CreateStep => ({
  name: 'finish',
  deadlineMs: quickDeadlineMs,
  retries: 3,
  async run(input, _state, { requestId }) {
    await removeTemporary(deps, input, requestId);
    const finished = await changeVolumeIn(
      deps.database.db,
      input.volumeId,
      ['creating', 'downloading'],
      { status: 'available', creating_lock: null },
      deps.clock.now(),
    );
    if (finished) deps.log.info({ volume: input.volumeId, req: requestId }, 'volume created');
  },
});

function originOf({ origin }: CreateVolumeInput): VolumeOrigin {
  if (origin === null) return { kind: 'blank' };
  return origin.kind === 'snapshot'
    ? { kind: 'snapshot', snapshot: { id: origin.id, volumeId: origin.volumeId } }
    : { kind: 'volume', id: origin.id };
}

/**
 * Checks that the temporary snapshot to be copied exists, if the copy needs one. conflict: it could
 * not be taken.
 */
async function missingTemporary(
  { database: { db } }: VolumeDeps,
  { origin }: CreateVolumeInput,
): Promise<Outcome<undefined>> {
  if (origin?.kind !== 'snapshot' || !origin.temporary) return undefined;
  const snapshot = await requireSnapshot(db, origin.id);
  if (isFault(snapshot)) return snapshot;
  return snapshot.status === 'available'
    ? undefined
    : fault('conflict', 'The volume is in use, and the snapshot to be copied could not be taken.');
}

async function removeTemporary(
  deps: VolumeDeps,
  { origin, projectId }: CreateVolumeInput,
  requestId: string,
): Promise<void> {
  if (origin?.kind !== 'snapshot' || !origin.temporary) return;
  await enqueueTemporaryRemoval(
    deps,
    { snapshotId: origin.id, volumeId: origin.volumeId, projectId },
    requestId,
  );
  deps.wakeSagas();
}

/** Removes what a failed creation left on its backend. cinder-backup calls it by RPC, too. */
export async function discardVolume(
  deps: VolumeDeps,
  volumeId: string,
  context: { requestId: string; signal?: AbortSignal },
): Promise<void> {
  const volume = await requireVolume(deps.database.db, volumeId);
  if (isFault(volume) || volume.host === null || !creationStatuses.includes(volume.status)) return;
  await undoOnBackend(deps, `volume ${volumeId}`, context, async () => {
    const placed = await placedVolume(deps, volumeId);
    return isFault(placed) ? placed : await placed.backend.deleteVolume(volumeId);
  });
}
