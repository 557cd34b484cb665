// Cinder's sagas, typed by contracts/cinder/operations.ts: cinder-api journals one in the
// transaction of the status change that announces it; cinder-volume and cinder-backup define and
// execute the steps.
import type { CinderLock, CinderOperations } from '#contracts/cinder/operations.ts';
import { volumeLock } from '#contracts/cinder/operations.ts';
import { transaction } from '#platform/db/transaction.ts';
import type { SagaQueue } from '#platform/saga/queue.ts';
import type { AnySaga, SagaDefinition } from '#platform/saga/saga.ts';
import { saga } from '#platform/saga/saga.ts';
import type { CinderDeps } from '../deps.ts';
import type { CinderDb } from './rows.ts';
import { lockVolume } from './volumes.ts';

/**
 * Journals the operation in the caller's transaction. Afterwards the caller must wake the role that
 * executes it.
 */
export async function enqueueOperation<N extends keyof CinderOperations>(
  { sagas, ids }: Pick<CinderDeps, 'sagas' | 'ids'>,
  trx: CinderDb,
  requestId: string,
  operation: { name: N; lockKey: CinderLock; input: CinderOperations[N] },
): Promise<void> {
  await sagas.enqueue(trx, { id: ids.uuid(), requestId, ...operation });
}

/** Defines the steps of an operation, in the role that executes it. */
export const defineOperation = <N extends keyof CinderOperations, State = Record<string, never>>(
  definition: SagaDefinition<CinderOperations[N], State> & { name: N },
): AnySaga => saga<CinderOperations[N], State>(definition);

/**
 * Waits until no saga holds the volume's lock, then runs `work` with the volume's row locked.
 * undefined: the volume was still busy after `withinMs`.
 */
export async function whenIdle<T>(
  { database: { db }, sagas }: { database: CinderDeps['database']; sagas: SagaQueue },
  volumeId: string,
  withinMs: number,
  work: (trx: CinderDb) => Promise<T>,
): Promise<{ value: T } | undefined> {
  const lockKey = volumeLock(volumeId);
  return await sagas.watch(
    lockKey,
    async () =>
      await transaction(db, async (trx) => {
        await lockVolume(trx, volumeId);
        return (await sagas.isBusy(trx, lockKey)) ? undefined : { value: await work(trx) };
      }),
    withinMs,
  );
}
