// The saga that grows a volume. A free one is grown by its backend, an attached one by its guest's
// hypervisor, which Nova tells. Begun by os-extend.
import { isFault } from '#contracts/common/fault.ts';
import type { AnySaga } from '#platform/saga/saga.ts';
import { saga } from '#platform/saga/saga.ts';
import { tellExtended } from '../nova.ts';
import type { CinderParts } from '../parts.ts';
import { attachmentsOf } from '../store/attachments.ts';
import { changeVolume, changeVolumeIn } from '../store/volumes.ts';
import { backendFor, backendRetries, quickDeadlineMs, tellOwner, volumeOf } from './station.ts';

export type ExtendInput = {
  volumeId: string;
  projectId: string;
  oldGib: number;
  newGib: number;
  attached: boolean;
};
export const extendVolumeName = 'cinder.extend-volume';

export function extendVolume(parts: CinderParts): AnySaga {
  const {
    database: { db },
    clock,
    log,
  } = parts;
  const before = ({ attached }: ExtendInput) => (attached ? 'in-use' : 'available');
  return saga<ExtendInput, Record<string, never>>({
    name: extendVolumeName,
    steps: [
      {
        name: 'grow',
        deadlineMs: quickDeadlineMs,
        retries: backendRetries,
        async run({ volumeId, newGib, attached }) {
          if (attached) return undefined;
          const volume = await volumeOf(parts, volumeId);
          if (isFault(volume)) return volume;
          const backend = backendFor(parts, volume);
          return isFault(backend) ? backend : await backend.extendVolume(volumeId, newGib);
        },
      },
      {
        name: 'note size',
        deadlineMs: quickDeadlineMs,
        retries: 3,
        async run(input) {
          // Nova reads the new size from here, so it stands before Nova hears of it.
          await changeVolume(
            db,
            input.volumeId,
            { size_gib: input.newGib, extending_gib: 0 },
            clock.now(),
          );
          await changeVolumeIn(
            db,
            input.volumeId,
            ['extending'],
            { status: before(input) },
            clock.now(),
          );
        },
        undo: async ({ volumeId, oldGib, newGib, attached }) => {
          if (attached)
            await changeVolume(
              db,
              volumeId,
              { size_gib: oldGib, extending_gib: newGib - oldGib },
              clock.now(),
            );
        },
      },
      {
        name: 'tell Nova',
        deadlineMs: quickDeadlineMs,
        retries: 4,
        async run({ volumeId, newGib, attached }, _state, { requestId }) {
          if (attached) {
            for (const { server_id } of await attachmentsOf(db, volumeId)) {
              const told =
                server_id === null
                  ? undefined
                  : await tellExtended(parts, volumeId, server_id, requestId);
              if (isFault(told)) return told;
            }
          }
          log.info({ volume: volumeId, sizeGib: newGib, req: requestId }, 'volume extended');
          return undefined;
        },
      },
    ],
    async failed(input, _state, reason, context) {
      const now = clock.now();
      await changeVolume(db, input.volumeId, { extending_gib: 0 }, now);
      await changeVolumeIn(db, input.volumeId, ['extending'], { status: before(input) }, now);
      await tellOwner(
        parts,
        'extendVolume',
        { type: 'VOLUME', id: input.volumeId, projectId: input.projectId },
        reason,
        context,
      );
    },
  });
}
