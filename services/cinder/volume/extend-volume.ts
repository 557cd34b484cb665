// The saga that extends a volume. The backend grows one that is not attached; for an attached one
// Nova has the guest's hypervisor grow it. Started by os-extend.
import type { CinderOperations } from '#contracts/cinder/operations.ts';
import { isFault } from '#contracts/common/fault.ts';
import type { AnySaga, SagaStep } from '#platform/saga/saga.ts';
import { attachmentsOf } from '../store/attachments.ts';
import { defineOperation } from '../store/operations.ts';
import { leaveMessage } from '../store/owner-messages.ts';
import { changeVolume, changeVolumeIn } from '../store/volumes.ts';
import { backendRetries, placedVolume, quickDeadlineMs } from './backends.ts';
import { sendExtended } from './nova.ts';
import type { VolumeDeps } from './volume-deps.ts';

type Input = CinderOperations['cinder.extend-volume'];
type Step = SagaStep<Input, Record<string, never>>;

export function extendVolume(deps: VolumeDeps): AnySaga {
  const { db } = deps.database;
  const { clock } = deps;
  return defineOperation<'cinder.extend-volume'>({
    name: 'cinder.extend-volume',
    steps: [growStep(deps), recordSizeStep(deps), notifyNovaStep(deps)],
    async failed(input, _state, reason, context) {
      const now = clock.now();
      await changeVolume(db, input.volumeId, { extending_gib: 0 }, now);
      await changeVolumeIn(db, input.volumeId, ['extending'], { status: statusBefore(input) }, now);
      await leaveMessage(
        deps,
        'extendVolume',
        { type: 'VOLUME', id: input.volumeId, projectId: input.projectId },
        reason,
        context,
      );
    },
  });
}

const statusBefore = ({ attached }: Input) => (attached ? 'in-use' : 'available');

const growStep = (deps: VolumeDeps): Step => ({
  name: 'grow',
  deadlineMs: quickDeadlineMs,
  retries: backendRetries,
  async run({ volumeId, newGib, attached }) {
    if (attached) return undefined;
    const placed = await placedVolume(deps, volumeId);
    return isFault(placed) ? placed : await placed.backend.extendVolume(volumeId, newGib);
  },
});

/** Records the new size. Nova reads it from Cinder, so it is recorded before Nova is called. */
const recordSizeStep = ({ database: { db }, clock }: VolumeDeps): Step => ({
  name: 'note size',
  deadlineMs: quickDeadlineMs,
  retries: 3,
  async run(input) {
    const now = clock.now();
    await changeVolume(db, input.volumeId, { size_gib: input.newGib, extending_gib: 0 }, now);
    await changeVolumeIn(db, input.volumeId, ['extending'], { status: statusBefore(input) }, now);
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
});

const notifyNovaStep = (deps: VolumeDeps): Step => ({
  name: 'tell Nova',
  deadlineMs: quickDeadlineMs,
  retries: 4,
  async run({ volumeId, newGib, attached }, _state, { requestId }) {
    const servers = attached
      ? (await attachmentsOf(deps.database.db, volumeId)).map(({ server_id }) => server_id)
      : [];
    for (const serverId of servers) {
      const notified =
        serverId === null ? undefined : await sendExtended(deps, volumeId, serverId, requestId);
      if (isFault(notified)) return notified;
    }
    deps.log.info({ volume: volumeId, sizeGib: newGib, req: requestId }, 'volume extended');
    return undefined;
  },
});
