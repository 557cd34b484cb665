// Time enters by deps, so that a whole cloud can run under a fake clock.
import { setTimeout as delay } from 'node:timers/promises';

export interface Clock {
  /** Milliseconds since the epoch, UTC. */
  now(): number;
  /**
   * Resolves after `ms`; rejects with the signal's reason when aborted. Does not keep the process
   * alive when `unref` is set.
   */
  sleep(ms: number, options?: { signal?: AbortSignal; unref?: boolean }): Promise<void>;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: async (ms, options = {}) => {
    await delay(ms, undefined, { signal: options.signal, ref: !(options.unref ?? false) });
  },
};

/** `2026-11-22T18:02:27Z`, as Nova, Glance and Placement write times. */
export function isoSeconds(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

/** `2026-11-22T18:02:27.000000Z`, as Keystone writes times. */
export function isoMicroseconds(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 23)}000Z`;
}

/**
 * A promise's outcome or `onTimeout()` after `ms`. The loser goes on unheard: pass it a signal
 * where it should stop.
 */
export async function withDeadline<T, F>(
  work: Promise<T>,
  ms: number,
  onTimeout: () => F,
): Promise<T | F> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<F>((resolve) => {
    timer = setTimeout(() => resolve(onTimeout()), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
    work.catch(() => undefined); // a late rejection has been answered by the deadline already
  }
}
