// Long operations with the names and inputs of contracts/cinder/operations.ts: cinder-api journals
// them with the change of state that announces them, cinder-volume and cinder-backup define their
// steps.
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
 * Journals the operation within the transaction of the change it belongs to. Afterwards the caller
 * wakes the role that carries it out.
 */
export async function enqueueOperation<N extends keyof CinderOperations>(
  { sagas, ids }: Pick<CinderDeps, 'sagas' | 'ids'>,
  trx: CinderDb,
  requestId: string,
  operation: { name: N; lockKey: CinderLock; input: CinderOperations[N] },
): Promise<void> {
  await sagas.enqueue(trx, { id: ids.uuid(), requestId, ...operation });
}

/** The steps of an operation, for the role that carries it out. */
export const defineOperation = <N extends keyof CinderOperations, State = Record<string, never>>(
  definition: SagaDefinition<CinderOperations[N], State> & { name: N },
): AnySaga => saga<CinderOperations[N], State>(definition);

/**
 * Waits until no saga holds the volume, then runs `work` with the volume's row locked. undefined:
 * it stayed busy.
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
