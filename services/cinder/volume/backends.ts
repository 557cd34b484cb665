// What the sagas of cinder-volume share about backends: finding a volume's backend, undoing an
// operation on it, and ending a long one early.
import type { VolumeStatus } from '#contracts/cinder/volume-states.ts';
import type { Outcome } from '#contracts/common/fault.ts';
import { isFault } from '#contracts/common/fault.ts';
import type { SagaContext } from '#platform/saga/saga.ts';
import type { VolumeBackend } from '#ports/volume-backend.ts';
import { backendOfVolume } from '../domain/backend-of-volume.ts';
import type { VolumeRow } from '../store/tables.ts';
import { findVolume, requireVolume } from '../store/volumes.ts';
import type { VolumeDeps } from './volume-deps.ts';

/** Deadline of steps that copy no data: blank volumes, snapshots and the like. */
export const quickDeadlineMs = 120_000;
/** Retries of a step on a backend: about 3 s, enough for a filer that restarts. */
export const backendRetries = 5;

/**
 * The volume and its backend. notFound: the volume was deleted; conflict: it has no configured
 * backend.
 */
export async function placedVolume(
  { database: { db }, backends }: VolumeDeps,
  volumeId: string,
): Promise<Outcome<{ volume: VolumeRow; backend: VolumeBackend }>> {
  const volume = await requireVolume(db, volumeId);
  if (isFault(volume)) return volume;
  const backend = backendOfVolume(backends, volume);
  return isFault(backend) ? backend : { volume, backend };
}

const undoPausesMs = [250, 1_000, 4_000] as const;

/**
 * Undoes work on a backend. If the backend does not answer, gives up after some seconds: the owner
 * then sees the failure now, and deleting the object, which is in error, removes the leftovers. Any
 * other fault is thrown, so that the undo is retried until it works.
 */
export async function undoOnBackend(
  { clock, log }: VolumeDeps,
  what: string,
  { requestId, signal }: { requestId: string; signal?: SagaContext['signal'] },
  work: () => Promise<Outcome<unknown>>,
): Promise<void> {
  for (const pauseMs of [...undoPausesMs, null]) {
    const undone = await work();
    if (!isFault(undone) || undone.kind === 'notFound') return;
    if (undone.kind !== 'unavailable' && undone.kind !== 'timeout')
      throw new Error(`${what} is not undone: ${undone.message}`);
    if (pauseMs === null)
      log.warn(
        { what, req: requestId, why: undone.message },
        'what a failed operation left on a backend stays until its object is deleted',
      );
    else await clock.sleep(pauseMs, signal ? { signal } : {});
  }
}

const wantedCheckMs = 2_000;

/**
 * Runs `work` with a signal that aborts when `signal` does, or when the volume leaves `states`,
 * i.e. was deleted by force.
 */
export async function whileWanted<T>(
  { database: { db }, clock }: VolumeDeps,
  volumeId: string,
  states: readonly VolumeStatus[],
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const [unwanted, stopWatch] = [new AbortController(), new AbortController()];
  const watch = async (): Promise<void> => {
    while (!stopWatch.signal.aborted) {
      await clock.sleep(wantedCheckMs, { signal: stopWatch.signal, unref: true });
      const volume = await findVolume(db, volumeId, null);
      if (!volume || !states.includes(volume.status))
        unwanted.abort(new Error(`volume ${volumeId} is not wanted any more`));
    }
  };
  watch().catch(() => undefined); // ended, or the database is away: only the saga's signal applies
  try {
    return await work(AbortSignal.any([signal, unwanted.signal]));
  } finally {
    stopWatch.abort();
  }
}
