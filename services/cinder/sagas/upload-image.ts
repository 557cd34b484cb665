// The saga that gives an image the bytes of a volume. Begun by os-volume_upload_image, which made
// the image.
import { fault, isFault } from '#contracts/common/fault.ts';
import type { AnySaga } from '#platform/saga/saga.ts';
import { saga } from '#platform/saga/saga.ts';
import { fetchImage, removeImage, uploadImage as sendImage } from '../glance.ts';
import type { CinderParts } from '../parts.ts';
import { changeVolumeIn } from '../store/volumes.ts';
import {
  backendFor,
  backendRetries,
  quickDeadlineMs,
  tellOwner,
  volumeOf,
  withSpoolFile,
} from './station.ts';

export type UploadInput = {
  volumeId: string;
  projectId: string;
  imageId: string;
  diskFormat: 'raw' | 'qcow2';
};
export const uploadImageName = 'cinder.upload-image';

export function uploadImage(parts: CinderParts): AnySaga {
  const {
    database: { db },
    clock,
    config,
    log,
  } = parts;
  return saga<UploadInput, Record<string, never>>({
    name: uploadImageName,
    steps: [
      {
        name: 'upload',
        deadlineMs: config.copyTimeoutMs,
        retries: backendRetries,
        async run({ volumeId, imageId, diskFormat }, _state, { requestId, signal }) {
          const volume = await volumeOf(parts, volumeId);
          if (isFault(volume)) return volume;
          const backend = backendFor(parts, volume);
          if (isFault(backend)) return backend;
          const image = await fetchImage(parts, imageId, { requestId });
          if (isFault(image))
            // the request is about to make it, unless it died
            return image.kind === 'notFound' ? fault('unavailable', image.message) : image;
          if (image.status === 'active') return undefined;
          return await withSpoolFile(parts, `upload-${volumeId}`, async (path) => {
            const exported = await backend.exportFile(
              { volumeId },
              { path, format: diskFormat },
              { signal },
            );
            return (
              exported ??
              (await sendImage(parts, imageId, path, {
                requestId,
                timeoutMs: config.copyTimeoutMs,
              }))
            );
          });
        },
        async undo({ imageId }, _state, { requestId }) {
          const gone = await removeImage(parts, imageId, requestId);
          if (isFault(gone)) throw new Error(`image ${imageId} is not removed: ${gone.message}`);
        },
      },
      {
        name: 'finish',
        deadlineMs: quickDeadlineMs,
        retries: 3,
        async run({ volumeId, imageId }, _state, { requestId }) {
          await changeVolumeIn(db, volumeId, ['uploading'], { status: 'available' }, clock.now());
          log.info({ volume: volumeId, image: imageId, req: requestId }, 'volume uploaded');
        },
      },
    ],
    async failed({ volumeId, projectId }, _state, reason, context) {
      await changeVolumeIn(db, volumeId, ['uploading'], { status: 'available' }, clock.now());
      await tellOwner(
        parts,
        'uploadImage',
        { type: 'VOLUME', id: volumeId, projectId },
        reason,
        context,
      );
    },
  });
}
