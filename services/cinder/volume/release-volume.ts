// The saga after a detachment: the backend does the work that had to wait for it, then the volume
// is free. Started by DELETE /attachments/{id}, os-detach and os-unreserve.
import type { CinderOperations } from '#contracts/cinder/operations.ts';
import { isFault } from '#contracts/common/fault.ts';
import type { AnySaga, SagaStep } from '#platform/saga/saga.ts';
import { backendOfVolume } from '../domain/backend-of-volume.ts';
import { attachmentsOf, isInUse } from '../store/attachments.ts';
import { defineOperation } from '../store/operations.ts';
import { changeVolumeIn, findVolume } from '../store/volumes.ts';
import { quickDeadlineMs } from './backends.ts';
import type { VolumeDeps } from './volume-deps.ts';

type Input = CinderOperations['cinder.release-volume'];
type Step = SagaStep<Input, Record<string, never>>;

export const releaseVolume = (deps: VolumeDeps): AnySaga =>
  defineOperation<'cinder.release-volume'>({
    name: 'cinder.release-volume',
    steps: [settleStep(deps), freeStep(deps)],
    async failed({ volumeId }, _state, reason, { requestId }) {
      // The postponed work waits for the next detachment; the volume's data is complete.
      deps.log.error(
        { volume: volumeId, req: requestId, why: reason.message },
        'a detached volume is not settled',
      );
      await freeVolume(deps, volumeId);
    },
  });

const settleStep = ({ database: { db }, backends, config }: VolumeDeps): Step => ({
  name: 'settle',
  deadlineMs: config.copyTimeoutMs,
  retries: 3,
  async run({ volumeId }) {
    const volume = await findVolume(db, volumeId, null);
    if (!volume || (await isInUse(db, volumeId))) return undefined;
    const backend = backendOfVolume(backends, volume);
    if (isFault(backend)) return backend;
    const settled = await backend.settle(volumeId);
    if (isFault(settled)) return settled;
    // If it was extended while attached, the hypervisor should have grown it, but may have been
    // away.
    const extension = await backend.extendVolume(volumeId, volume.size_gib);
    return isFault(extension) && (extension.kind === 'unavailable' || extension.kind === 'timeout')
      ? extension
      : undefined;
  },
});

const freeStep = (deps: VolumeDeps): Step => ({
  name: 'free',
  deadlineMs: quickDeadlineMs,
  retries: 3,
  run: async ({ volumeId }) => await freeVolume(deps, volumeId),
});

/** Sets the volume's status as it follows from the remaining attachments. */
async function freeVolume(
  { database: { db }, clock }: VolumeDeps,
  volumeId: string,
): Promise<void> {
  const left = await attachmentsOf(db, volumeId);
  const attached = left.some(({ status }) => status === 'attached');
  const status = left.length === 0 ? 'available' : attached ? 'in-use' : 'reserved';
  await changeVolumeIn(db, volumeId, ['detaching'], { status }, clock.now());
}
