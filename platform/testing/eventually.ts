// For tests: waits until a condition holds, by polling. No test sleeps for a fixed time.
import type { Clock } from '../clock.ts';
import { systemClock } from '../clock.ts';

export interface EventuallyOptions {
  withinMs: number;
  /** What is waited for, as named in the error message. */
  what: string;
  everyMs?: number;
  /** The clock of the waiting; default the system's. */
  clock?: Clock;
}

/**
 * Polls `predicate`; resolves with its first truthy result. After `withinMs` it throws, with the
 * predicate's last error as cause.
 */
export async function eventually<T>(
  predicate: () => T | Promise<T>,
  { withinMs, what, everyMs = 20, clock = systemClock }: EventuallyOptions,
): Promise<NonNullable<T>> {
  const deadline = clock.now() + withinMs;
  let cause: unknown;
  for (;;) {
    try {
      const answer = await predicate();
      if (answer) return answer;
      cause = undefined;
    } catch (error) {
      cause = error;
    }
    if (clock.now() >= deadline) throw new Error(`not within ${withinMs} ms: ${what}`, { cause });
    await clock.sleep(everyMs);
  }
}
