// The work queue of a controller, as in Kubernetes' client-go: a key added several times is
// reconciled once, never by two workers at once, and again after a failure, with back-off.
import type { Clock, Timer } from '../clock.ts';
import type { QueueMetrics, ReconcileResult } from './queue-metrics.ts';

export interface WorkQueueOptions {
  /**
   * Reconciles one key. A returned number: reconcile it again after so many ms. An error: retry
   * with back-off.
   */
  work(key: string, signal: AbortSignal): Promise<number | void>;
  /** Called when `work` has thrown. `attempt`: how many times in a row, from 1. */
  onError(key: string, error: unknown, attempt: number): void;
  /** How many keys are reconciled at once. */
  concurrency?: number;
  /** Exposes metrics of the queue under this name. */
  metrics?: { of: QueueMetrics; name: string };
}

export interface WorkQueue {
  add(key: string): void;
  addAfter(key: string, ms: number): void;
  /** Number of keys that wait or are being reconciled. */
  readonly size: number;
  /** Starts no more work; resolves when the work in progress has ended. */
  stop(): Promise<void>;
}

const backoffMs = { first: 50, most: 60_000 };

/** Creates a queue, which is empty: nothing runs before the first `add`. */
export function createWorkQueue(
  clock: Pick<Clock, 'after' | 'monotonicMs'>,
  { work, onError, concurrency = 4, metrics }: WorkQueueOptions,
): WorkQueue {
  const waiting = new Set<string>();
  const running = new Map<string, Promise<void>>();
  const timers = new Map<string, Timer>();
  const failures = new Map<string, number>();
  const stopped = new AbortController();
  const observer = metrics?.of.observe(metrics.name, () => waiting.size);

  const next = (): void => {
    for (const key of waiting) {
      if (stopped.signal.aborted || running.size >= concurrency) return;
      if (running.has(key)) continue; // added while reconciled: again afterwards
      waiting.delete(key);
      running.set(
        key,
        reconcile(key).finally(() => {
          running.delete(key);
          next();
        }),
      );
    }
  };

  const reconcile = async (key: string): Promise<void> => {
    // Deferred to a microtask, so that several events about one change cause one pass.
    await Promise.resolve();
    const startedAtMs = clock.monotonicMs();
    const ended = (result: ReconcileResult): void =>
      observer?.reconciled(result, clock.monotonicMs() - startedAtMs);
    try {
      const againMs = await work(key, stopped.signal);
      ended(typeof againMs === 'number' ? 'requeue_after' : 'success');
      failures.delete(key);
      if (typeof againMs === 'number') later(key, againMs);
    } catch (error) {
      ended('error');
      const attempt = (failures.get(key) ?? 0) + 1;
      failures.set(key, attempt);
      onError(key, error, attempt);
      later(key, Math.min(backoffMs.first * 2 ** (attempt - 1), backoffMs.most));
    }
  };

  /**
   * Adds the key after `ms`. A new time replaces the earlier timer of the key. `add` does not wait
   * for timers.
   */
  const later = (key: string, ms: number): void => {
    if (stopped.signal.aborted) return;
    observer?.postponed();
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
    if (!waiting.has(key)) observer?.added();
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
