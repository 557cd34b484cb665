// How every long operation begins: its saga stands in the journal with the change of state that
// announces it, then the runner is woken.
import type { Json } from '#contracts/common/json.ts';
import { hasSaga, insertSaga } from '#platform/saga/journal.ts';
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
  await insertSaga(
    trx,
    { id: parts.ids.uuid(), requestId: request.id, ...saga },
    parts.clock.now(),
  );
}

const lookEveryMs = 20;

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
    clock,
  } = parts;
  const endsMs = clock.now() + withinMs;
  for (;;) {
    const done = await db.transaction().execute(async (trx) => {
      await lockVolume(trx, volumeId);
      return (await hasSaga(trx, volumeLock(volumeId))) ? undefined : { value: await work(trx) };
    });
    if (done || clock.now() >= endsMs) return done;
    await clock.sleep(lookEveryMs);
  }
}
