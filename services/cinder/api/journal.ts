// How every long operation begins: its saga stands in the journal with the change of state that
// announces it, then the runner is woken.
import type { Json } from '#contracts/common/json.ts';
import type { CinderParts } from '../parts.ts';
import type { CinderDb } from '../store/rows.ts';
import { lockVolume, volumeLock } from '../store/volumes.ts';
import type { Request } from './request.ts';

/** Within the transaction of the change it belongs to; afterwards `parts.wake`. */
export async function journal(
  parts: CinderParts,
  trx: CinderDb,
  request: Request,
  saga: { name: string; lockKey: string; input: Json },
): Promise<void> {
  await parts.sagas.enqueue(trx, { id: parts.ids.uuid(), requestId: request.id, ...saga });
}

/**
 * Waits until no saga holds the volume, then runs `work` with the volume's row locked. undefined:
 * it stayed busy.
 */
export async function whenIdle<T>(
  parts: CinderParts,
  volumeId: string,
  withinMs: number,
  work: (trx: CinderDb) => Promise<T>,
): Promise<{ value: T } | undefined> {
  const {
    database: { db },
    sagas,
  } = parts;
  const lockKey = volumeLock(volumeId);
  return await sagas.watch(
    lockKey,
    async () =>
      await db.transaction().execute(async (trx) => {
        await lockVolume(trx, volumeId);
        return (await sagas.isBusy(trx, lockKey)) ? undefined : { value: await work(trx) };
      }),
    withinMs,
  );
}
