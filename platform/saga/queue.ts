// What requests may do with sagas: begin, cancel, wait. Runners (runner.ts) carry them out, in this
// process or another. One per database with sagas.
import type { Clock } from '../clock.ts';
import type { SagaEvents } from './events.ts';
import { createSagaEvents } from './events.ts';
import type { AnyDb, NewSaga, UnfinishedSaga } from './journal.ts';
import {
  busyKeys,
  cancelSagas,
  hasSaga,
  insertSaga,
  isUnfinished,
  unfinishedSagas,
} from './journal.ts';

export interface SagaQueue {
  /** For the runner of this database in the same process. */
  readonly events: SagaEvents;
  /** Inserts the saga within the caller's transaction; sagas of one lock key run in this order. */
  enqueue(trx: AnyDb, saga: NewSaga): Promise<void>;
  /** Asks all unfinished sagas of the key to unwind before their next step, within `trx`. */
  cancel(trx: AnyDb, lockKey: string): Promise<void>;
  /** Whether the key has unfinished sagas, as `trx` sees it; `besides`: one that does not count. */
  isBusy(trx: AnyDb, lockKey: string, besides?: string): Promise<boolean>;
  /** All that have not ended, for audits. */
  unfinished(): Promise<UnfinishedSaga[]>;
  /** Lock keys of all unfinished sagas. */
  busyKeys(): Promise<ReadonlySet<string>>;
  /** Whether the saga has not ended. */
  isUnfinished(sagaId: string): Promise<boolean>;
  /** Whether the saga has ended, well or not, within `withinMs`. */
  ended(sagaId: string, withinMs: number): Promise<boolean>;
  /**
   * Asks `look` now, whenever a saga of the topic moves on or ends, now and then (for those of
   * other processes), and at last when `withinMs` have passed, until it answers something. `topic`:
   * a saga's id or a lock key.
   */
  watch<T>(
    topic: string,
    look: () => Promise<T | undefined>,
    withinMs: number,
  ): Promise<T | undefined>;
}

/** For sagas that run in another process: their events do not reach this one. */
const pollEveryMs = 1_000;

export function createSagaQueue({ db, clock }: { db: AnyDb; clock: Clock }): SagaQueue {
  const events = createSagaEvents();

  const watch: SagaQueue['watch'] = async (topic, look, withinMs) => {
    const endsMs = clock.now() + withinMs;
    for (;;) {
      const moved = new AbortController();
      const forget = events.on(topic, () => moved.abort()); // before the look: nothing is missed
      try {
        const answer = await look();
        const leftMs = endsMs - clock.now();
        if (answer !== undefined || leftMs <= 0) return answer;
        await clock
          .sleep(Math.min(pollEveryMs, leftMs), { signal: moved.signal })
          .catch(() => undefined); // woken
      } finally {
        forget();
      }
    }
  };

  return {
    events,
    enqueue: async (trx, saga) => await insertSaga(trx, saga, clock.now()),
    cancel: cancelSagas,
    isBusy: hasSaga,
    unfinished: async () => await unfinishedSagas(db),
    busyKeys: async () => await busyKeys(db),
    isUnfinished: async (sagaId) => await isUnfinished(db, sagaId),
    ended: async (sagaId, withinMs) =>
      (await watch(
        sagaId,
        async () => ((await isUnfinished(db, sagaId)) ? undefined : true),
        withinMs,
      )) ?? false,
    watch,
  };
}
