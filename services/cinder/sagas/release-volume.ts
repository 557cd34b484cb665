// The saga after a guest let go of a volume: the backend does what waited, then the volume is free.
// Begun by DELETE /attachments/{id}.
import { isFault } from '#contracts/common/fault.ts';
import type { AnySaga } from '#platform/saga/saga.ts';
import { saga } from '#platform/saga/saga.ts';
import type { CinderParts } from '../parts.ts';
import { attachmentsOf } from '../store/attachments.ts';
import { changeVolumeIn } from '../store/volumes.ts';
import { backendFor, isInUse, quickDeadlineMs, volumeOf } from './station.ts';

export type ReleaseInput = { volumeId: string };
export const releaseVolumeName = 'cinder.release-volume';

export function releaseVolume(parts: CinderParts): AnySaga {
  const {
    database: { db },
    clock,
    config,
    log,
  } = parts;
  const free = async (volumeId: string): Promise<void> => {
    const left = await attachmentsOf(db, volumeId);
    await changeVolumeIn(
      db,
      volumeId,
      ['detaching'],
      {
        status:
          left.length === 0
            ? 'available'
            : left.some(({ status }) => status === 'attached')
              ? 'in-use'
              : 'reserved',
      },
      clock.now(),
    );
  };
  return saga<ReleaseInput, Record<string, never>>({
    name: releaseVolumeName,
    steps: [
      {
        name: 'settle',
        deadlineMs: config.copyTimeoutMs,
        retries: 3,
        async run({ volumeId }) {
          const volume = await volumeOf(parts, volumeId);
          if (isFault(volume) || (await isInUse(parts, volumeId))) return undefined;
          const backend = backendFor(parts, volume);
          if (isFault(backend)) return backend;
          const settled = await backend.settle(volumeId);
          if (isFault(settled)) return settled;
          // Extended while attached: the hypervisor should have grown it, but may have been away.
          const grown = await backend.extendVolume(volumeId, volume.size_gib);
          return isFault(grown) && (grown.kind === 'unavailable' || grown.kind === 'timeout')
            ? grown
            : undefined;
        },
      },
      {
        name: 'free',
        deadlineMs: quickDeadlineMs,
        retries: 3,
        run: async ({ volumeId }) => await free(volumeId),
      },
    ],
    async failed({ volumeId }, _state, reason, { requestId }) {
      // What waited goes on waiting, until the next detachment: the volume itself is whole.
      log.error(
        { volume: volumeId, req: requestId, why: reason.message },
        'a detached volume is not settled',
      );
      await free(volumeId);
    },
  });
}
