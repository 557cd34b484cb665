// What requests do with sagas: enqueue, cancel, wait. Runners (runner.ts) carry them out, in this
// process or another. One queue for each database with sagas.
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
  /** The events that this process's runner of the same database emits. */
  readonly events: SagaEvents;
  /**
   * Inserts the saga within the caller's transaction; sagas of one lock key run in order of
   * insertion.
   */
  enqueue(trx: AnyDb, saga: NewSaga): Promise<void>;
  /** Asks all unfinished sagas of the key, within `trx`, to unwind before their next step. */
  cancel(trx: AnyDb, lockKey: string): Promise<void>;
  /** Whether the key has unfinished sagas, as `trx` sees it. `besides`: one that does not count. */
  isBusy(trx: AnyDb, lockKey: string, besides?: string): Promise<boolean>;
  /** All unfinished sagas; for audits. */
  unfinished(): Promise<UnfinishedSaga[]>;
  /** Lock keys of all unfinished sagas. */
  busyKeys(): Promise<ReadonlySet<string>>;
  /** Whether the saga is unfinished. */
  isUnfinished(sagaId: string): Promise<boolean>;
  /** Waits for the saga's end. True: it ended within `withinMs`, successfully or not. */
  ended(sagaId: string, withinMs: number): Promise<boolean>;
  /**
   * Calls `poll` until it returns a value: at once, whenever a saga of the topic moves on or ends,
   * by polling for sagas of other processes, and a last time after `withinMs`. `topic`: a saga's id
   * or a lock key.
   */
  watch<T>(
    topic: string,
    poll: () => Promise<T | undefined>,
    withinMs: number,
  ): Promise<T | undefined>;
}

/** Interval of polling for sagas of other processes, which emit no events in this one. */
const pollEveryMs = 1_000;

export function createSagaQueue({ db, clock }: { db: AnyDb; clock: Clock }): SagaQueue {
  const events = createSagaEvents();

  const watch: SagaQueue['watch'] = async (topic, poll, withinMs) => {
    const endsMs = clock.now() + withinMs;
    for (;;) {
      const moved = new AbortController();
      const forget = events.on(topic, () => moved.abort()); // before `poll`, to miss nothing
      try {
        const answer = await poll();
        const leftMs = endsMs - clock.now();
        if (answer !== undefined || leftMs <= 0) return answer;
        await clock
          .sleep(Math.min(pollEveryMs, leftMs), { signal: moved.signal })
          .catch(() => undefined); // woken by an event
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
