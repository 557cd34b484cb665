// The saga step that chooses the pool of a new volume. Used by cinder-volume to create volumes, and
// by cinder-backup to restore to new ones.
import type { CinderSchedulerRpc } from '#contracts/cinder/scheduler-rpc.ts';
import type { Outcome } from '#contracts/common/fault.ts';
import { isFault } from '#contracts/common/fault.ts';
import type { RpcClient } from '#platform/bus/contract.ts';
import type { SagaStep } from '#platform/saga/saga.ts';
import type { CinderDeps } from '../deps.ts';
import { changeVolume, requireVolume } from './volumes.ts';

interface PlaceDeps extends CinderDeps {
  scheduler: Pick<RpcClient<CinderSchedulerRpc>, 'call'>;
}

/** Longer than cinder-scheduler may take. */
const schedulerTimeoutMs = 20_000;

/**
 * The step that asks the scheduler for a pool and writes it into the volume. Idempotent: a volume
 * that has a pool keeps it, and the scheduler is not asked.
 */
export const placeStep = (
  deps: PlaceDeps,
  retries: number,
): SagaStep<{ volumeId: string }, { placed?: boolean }> => ({
  name: 'place',
  deadlineMs: 30_000,
  retries,
  run: async ({ volumeId }, _state, { requestId }) => await placeVolume(deps, volumeId, requestId),
});

async function placeVolume(
  { database: { db }, clock, scheduler }: PlaceDeps,
  volumeId: string,
  requestId: string,
): Promise<Outcome<{ placed: true }>> {
  const volume = await requireVolume(db, volumeId);
  if (isFault(volume)) return volume;
  if (volume.host !== null) return { placed: true };
  const pool = await scheduler.call(
    'choosePool',
    { volumeId },
    { timeoutMs: schedulerTimeoutMs, requestId },
  );
  if (isFault(pool)) return pool;
  await changeVolume(db, volumeId, { host: pool.host }, clock.now());
  return { placed: true };
}
