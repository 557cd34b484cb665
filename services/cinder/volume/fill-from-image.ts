// The saga step that writes an image into a new volume. Ends early if the volume is deleted by
// force. Called by create-volume.ts.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { SagaContext } from '#platform/saga/saga.ts';
import { withSpoolFile } from '#platform/spool.ts';
import { creationStatuses } from '../domain/creation-statuses.ts';
import { changeVolumeIn } from '../store/volumes.ts';
import { placedVolume, whileWanted } from './backends.ts';
import { downloadImage, imageState } from './glance.ts';
import type { VolumeDeps } from './volume-deps.ts';

/**
 * Writes the image's data onto the volume. conflict: the volume was deleted meanwhile. Idempotent:
 * overwrites what an earlier run wrote.
 */
export async function fillFromImage(
  deps: VolumeDeps,
  volumeId: string,
  imageId: string,
  { requestId, signal }: Pick<SagaContext, 'requestId' | 'signal'>,
): Promise<Outcome<void>> {
  const { database, clock, config, spoolDir } = deps;
  const placed = await placedVolume(deps, volumeId);
  if (isFault(placed)) return placed;
  const { volume, backend } = placed;
  const image = await imageState(deps, imageId, requestId);
  if (isFault(image)) return image;
  if (!creationStatuses.includes(volume.status))
    return fault('conflict', `Volume ${volumeId} was deleted while it was made.`);
  await changeVolumeIn(database.db, volumeId, ['creating'], { status: 'downloading' }, clock.now());
  const copy = async (path: string, wanted: AbortSignal): Promise<Outcome<void>> => {
    const downloaded = await downloadImage(deps, imageId, path, {
      requestId,
      signal: wanted,
      timeoutMs: config.copyTimeoutMs,
    });
    const file = { path, diskFormat: image.diskFormat };
    return (
      downloaded ?? (await backend.importFile(volumeId, volume.size_gib, file, { signal: wanted }))
    );
  };
  return await whileWanted(
    deps,
    volumeId,
    creationStatuses,
    signal,
    async (wanted) =>
      await withSpoolFile(spoolDir, `image-${volumeId}`, async (path) => await copy(path, wanted)),
  );
}
