// The saga that uploads a volume as an image. Started by os-volume_upload_image, which also creates
// the image.
import type { CinderOperations } from '#contracts/cinder/operations.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { AnySaga, SagaStep } from '#platform/saga/saga.ts';
import { withSpoolFile } from '#platform/spool.ts';
import { defineOperation } from '../store/operations.ts';
import { leaveMessage } from '../store/owner-messages.ts';
import { changeVolumeIn } from '../store/volumes.ts';
import { backendRetries, placedVolume, quickDeadlineMs } from './backends.ts';
import { imageState, removeImage, uploadImage as sendImage } from './glance.ts';
import type { VolumeDeps } from './volume-deps.ts';

type Input = CinderOperations['cinder.upload-image'];
type Step = SagaStep<Input, Record<string, never>>;

export function uploadImage(deps: VolumeDeps): AnySaga {
  const { db } = deps.database;
  const { clock } = deps;
  return defineOperation<'cinder.upload-image'>({
    name: 'cinder.upload-image',
    pool: 'copy',
    steps: [uploadStep(deps), finishStep(deps)],
    async failed({ volumeId, projectId }, _state, reason, context) {
      await changeVolumeIn(db, volumeId, ['uploading'], { status: 'available' }, clock.now());
      await leaveMessage(
        deps,
        'uploadImage',
        { type: 'VOLUME', id: volumeId, projectId },
        reason,
        context,
      );
    },
  });
}

const uploadStep = (deps: VolumeDeps): Step => ({
  name: 'upload',
  deadlineMs: deps.config.copyTimeoutMs,
  retries: backendRetries,
  async run({ volumeId, imageId, diskFormat }, _state, { requestId, signal }) {
    const placed = await placedVolume(deps, volumeId);
    if (isFault(placed)) return placed;
    const image = await imageState(deps, imageId, requestId);
    if (isFault(image))
      // The API request is just creating the image, unless it died: try again.
      return image.kind === 'notFound' ? fault('unavailable', image.message) : image;
    if (image.status === 'active') return undefined;
    return await withSpoolFile(deps.spoolDir, `upload-${volumeId}`, async (path) => {
      const file = { path, format: diskFormat };
      const exported = await placed.backend.exportFile({ volumeId }, file, { signal });
      const options = { requestId, timeoutMs: deps.config.copyTimeoutMs };
      return exported ?? (await sendImage(deps, imageId, path, options));
    });
  },
  async undo({ imageId }, _state, { requestId }) {
    const removal = await removeImage(deps, imageId, requestId);
    if (isFault(removal)) throw new Error(`image ${imageId} is not removed: ${removal.message}`);
  },
});

const finishStep = ({ database: { db }, clock, log }: VolumeDeps): Step => ({
  name: 'finish',
  deadlineMs: quickDeadlineMs,
  retries: 3,
  async run({ volumeId, imageId }, _state, { requestId }) {
    await changeVolumeIn(db, volumeId, ['uploading'], { status: 'available' }, clock.now());
    log.info({ volume: volumeId, image: imageId, req: requestId }, 'volume uploaded');
  },
});
