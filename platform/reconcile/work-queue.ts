// Keys that are to be looked at: each once, however often it was named meanwhile; one at a time for
// each key; again after a failure, later each time. The core of every controller.
import type { Clock, Timer } from '../clock.ts';

export interface WorkQueueOptions {
  /** Looks at one key. A number: look again after so many ms. An error: again, later each time. */
  work(key: string, signal: AbortSignal): Promise<number | void>;
  onError(key: string, error: unknown, attempt: number): void;
  /** Keys that are looked at together. */
  concurrency?: number;
}

export interface WorkQueue {
  add(key: string): void;
  addAfter(key: string, ms: number): void;
  /** Waiting or being looked at. */
  readonly size: number;
  /** Nothing new begins; resolves when what is in hand has ended. */
  stop(): Promise<void>;
}

const backoffMs = { first: 50, most: 60_000 };

export function createWorkQueue(
  clock: Pick<Clock, 'after'>,
  { work, onError, concurrency = 4 }: WorkQueueOptions,
): WorkQueue {
  const waiting = new Set<string>();
  const running = new Map<string, Promise<void>>();
  const timers = new Map<string, Timer>();
  const failures = new Map<string, number>();
  const stopped = new AbortController();

  const next = (): void => {
    for (const key of waiting) {
      if (stopped.signal.aborted || running.size >= concurrency) return;
      if (running.has(key)) continue; // named again while it is looked at: afterwards
      waiting.delete(key);
      running.set(
        key,
        look(key).finally(() => {
          running.delete(key);
          next();
        }),
      );
    }
  };

  const look = async (key: string): Promise<void> => {
    // in a turn of its own, so that several events of one change are one look
    await Promise.resolve();
    try {
      const againMs = await work(key, stopped.signal);
      failures.delete(key);
      if (typeof againMs === 'number') later(key, againMs);
    } catch (error) {
      const attempt = (failures.get(key) ?? 0) + 1;
      failures.set(key, attempt);
      onError(key, error, attempt);
      later(key, Math.min(backoffMs.first * 2 ** (attempt - 1), backoffMs.most));
    }
  };

  /** The sooner of two times holds: `add` does not wait for it. */
  const later = (key: string, ms: number): void => {
    if (stopped.signal.aborted) return;
    timers.get(key)?.stop();
    timers.set(
      key,
      clock.after(
        ms,
        () => {
          timers.delete(key);
          add(key);
        },
        { unref: true },
      ),
    );
  };

  const add = (key: string): void => {
    if (stopped.signal.aborted) return;
    waiting.add(key);
    next();
  };

  return {
    add,
    addAfter: later,
    get size() {
      return waiting.size + running.size;
    },
    async stop() {
      stopped.abort();
      for (const timer of timers.values()) timer.stop();
      waiting.clear();
      await Promise.allSettled(running.values());
    },
  };
}
