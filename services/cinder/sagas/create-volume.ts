// The saga that makes a volume: placed, made (blank or as a copy), filled from an image. Begun by
// POST /volumes.
import type { VolumeStatus } from '#contracts/cinder/volume-states.ts';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { AnySaga, SagaContext, SagaStep } from '#platform/saga/saga.ts';
import { saga } from '#platform/saga/saga.ts';
import type { VolumeOrigin } from '#ports/volume-backend.ts';
import { pickPool } from '../domain/pick-pool.ts';
import { downloadImage, fetchImage } from '../glance.ts';
import type { CinderParts } from '../parts.ts';
import { extraSpecsOf, findType } from '../store/types.ts';
import { changeVolume, changeVolumeIn } from '../store/volumes.ts';
import { dropTemporary } from './snapshots.ts';
import {
  backendFor,
  backendRetries,
  quickDeadlineMs,
  snapshotOf,
  tellOwner,
  undoOnBackend,
  volumeOf,
  whileWanted,
  withSpoolFile,
} from './station.ts';

export type CreateInput = {
  volumeId: string;
  projectId: string;
  /** By id; null: a blank one. Its host is the volume's. */
  origin:
    | {
        kind: 'snapshot';
        id: string;
        volumeId: string;
        /** Taken for this copy alone, since a guest has the volume. */ temporary?: true;
      }
    | { kind: 'volume'; id: string }
    | null;
  imageId: string | null;
};
type CreateState = { placed?: boolean };

export const createVolumeName = 'cinder.create-volume';

/** Chooses where the volume lives. Kept, once chosen. */
export function placeStep<I extends { volumeId: string }>(
  parts: CinderParts,
): SagaStep<I, CreateState> {
  const {
    database: { db },
    clock,
  } = parts;
  return {
    name: 'place',
    deadlineMs: 30_000,
    retries: backendRetries,
    async run({ volumeId }) {
      const volume = await volumeOf(parts, volumeId);
      if (isFault(volume)) return volume;
      if (volume.host !== null) return { placed: true };
      const type = volume.type_id === null ? undefined : await findType(db, volume.type_id, null);
      const pool = pickPool(await parts.pools(), {
        sizeGib: volume.size_gib,
        extraSpecs: type ? extraSpecsOf(type) : {},
      });
      if (isFault(pool)) return pool;
      await changeVolume(db, volumeId, { host: pool.host }, clock.now());
      return { placed: true };
    },
  };
}

function originOf({ origin }: CreateInput): VolumeOrigin {
  if (origin === null) return { kind: 'blank' };
  return origin.kind === 'snapshot'
    ? { kind: 'snapshot', snapshot: { id: origin.id, volumeId: origin.volumeId } }
    : { kind: 'volume', id: origin.id };
}

/** conflict: the hypervisor could not take it. */
async function missingTemporary(
  parts: CinderParts,
  { origin }: CreateInput,
): Promise<Outcome<undefined>> {
  if (origin?.kind !== 'snapshot' || !origin.temporary) return undefined;
  const taken = await snapshotOf(parts, origin.id);
  if (isFault(taken)) return taken;
  return taken.status === 'available'
    ? undefined
    : fault('conflict', 'The volume is in use, and the snapshot to be copied could not be taken.');
}

async function forgetTemporary(
  parts: CinderParts,
  { origin, projectId }: CreateInput,
  requestId: string,
): Promise<void> {
  if (origin?.kind === 'snapshot' && origin.temporary)
    await dropTemporary(
      parts,
      { snapshotId: origin.id, volumeId: origin.volumeId, projectId },
      requestId,
    );
}

/**
 * In these a volume is still its creation's: afterwards it is its owner's, and nothing of it may be
 * undone.
 */
export const inTheMaking: readonly VolumeStatus[] = ['creating', 'downloading', 'restoring-backup'];

/** Removes what a failed creation left on its backend. */
export async function unmake(
  parts: CinderParts,
  volumeId: string,
  context: SagaContext,
): Promise<void> {
  const volume = await volumeOf(parts, volumeId);
  if (isFault(volume) || volume.host === null || !inTheMaking.includes(volume.status)) return;
  const backend = backendFor(parts, volume);
  await undoOnBackend(parts, `volume ${volumeId}`, context, async () =>
    isFault(backend) ? backend : await backend.deleteVolume(volumeId),
  );
}

export function createVolume(parts: CinderParts): AnySaga {
  const {
    database: { db },
    clock,
    config,
    log,
  } = parts;
  return saga<CreateInput, CreateState>({
    name: createVolumeName,
    steps: [
      placeStep(parts),
      {
        name: 'make',
        deadlineMs: config.copyTimeoutMs,
        retries: backendRetries,
        async run(input, _state, { signal }) {
          const volume = await volumeOf(parts, input.volumeId);
          if (isFault(volume)) return volume;
          const backend = backendFor(parts, volume);
          const untaken = await missingTemporary(parts, input);
          if (isFault(backend) || untaken) return isFault(backend) ? backend : untaken;
          return await backend.createVolume(volume.id, volume.size_gib, originOf(input), {
            signal,
          });
        },
        undo: async ({ volumeId }, _state, context) => await unmake(parts, volumeId, context),
      },
      {
        name: 'fill',
        deadlineMs: config.copyTimeoutMs,
        retries: backendRetries,
        async run({ volumeId, imageId }, _state, { requestId, signal }) {
          if (imageId === null) return undefined;
          const volume = await volumeOf(parts, volumeId);
          if (isFault(volume)) return volume;
          const backend = backendFor(parts, volume);
          if (isFault(backend)) return backend;
          const image = await fetchImage(parts, imageId, { requestId });
          if (isFault(image)) return image;
          if (!inTheMaking.includes(volume.status))
            return fault('conflict', `Volume ${volumeId} was deleted while it was made.`);
          await changeVolumeIn(db, volumeId, ['creating'], { status: 'downloading' }, clock.now());
          return await whileWanted(
            parts,
            volumeId,
            inTheMaking,
            signal,
            async (wanted) =>
              await withSpoolFile(parts, `image-${volumeId}`, async (path) => {
                const there = await downloadImage(parts, imageId, path, {
                  requestId,
                  signal: wanted,
                  timeoutMs: config.copyTimeoutMs,
                });
                return (
                  there ??
                  (await backend.importFile(
                    volumeId,
                    volume.size_gib,
                    { path, diskFormat: image.diskFormat },
                    { signal: wanted },
                  ))
                );
              }),
          );
        },
      },
      {
        name: 'finish',
        deadlineMs: quickDeadlineMs,
        retries: 3,
        async run(input, _state, { requestId }) {
          await forgetTemporary(parts, input, requestId);
          if (
            await changeVolumeIn(
              db,
              input.volumeId,
              ['creating', 'downloading'],
              { status: 'available', creating_lock: null },
              clock.now(),
            )
          )
            log.info({ volume: input.volumeId, req: requestId }, 'volume created');
        },
      },
    ],
    async failed(input, { placed }, reason, context) {
      const { volumeId, projectId, imageId } = input;
      await forgetTemporary(parts, input, context.requestId);
      const volume = await volumeOf(parts, volumeId);
      if (isFault(volume) || !inTheMaking.includes(volume.status)) return;
      const action = placed
        ? imageId === null
          ? 'createVolume'
          : 'downloadImage'
        : 'scheduleVolume';
      await tellOwner(parts, action, { type: 'VOLUME', id: volumeId, projectId }, reason, context);
      await changeVolumeIn(
        db,
        volumeId,
        inTheMaking,
        { status: 'error', creating_lock: null },
        clock.now(),
      );
    },
  });
}
