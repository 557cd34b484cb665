// For tests: waits until something is true, by looking again and again. Nothing sleeps for a fixed
// time.
import type { Clock } from '../clock.ts';
import { systemClock } from '../clock.ts';

export interface EventuallyOptions {
  withinMs: number;
  /** What is waited for, said in the failure. */
  what: string;
  everyMs?: number;
  /** Whose time passes; the system's unless told. */
  clock?: Clock;
}

/**
 * Resolves with the first truthy answer of `predicate`. After `withinMs` throws, with the last
 * error of the predicate as cause.
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
