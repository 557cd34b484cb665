// Time is passed in by deps, so that a whole cloud can run under a fake clock. Every timer,
// deadline and duration of product code comes from a `Clock`; only this file uses Node's timers.

export interface Timer {
  /** Cancels the timer. Safe to repeat. */
  stop(): void;
}

export interface Repetition {
  /** Starts no further run; resolves when the current run has ended. Safe to repeat. */
  stop(): Promise<void>;
}

export interface Deadline {
  /** Aborted with a `DeadlinePassed` when the time is over. */
  readonly signal: AbortSignal;
  /** Cancels the deadline once the work has its answer. Safe to repeat. */
  clear(): void;
}

export interface RepeatOptions {
  /** Called with the error of a failed run; the next run comes nevertheless. */
  onError(error: unknown): void;
  /**
   * Spreads each pause over `ms` * (1 ± share), so that many repetitions of one period do not run
   * at the same moments. `random` is in [0, 1).
   */
  jitter?: { share: number; random: () => number };
  /** The first run starts at once instead of after the first pause. */
  atOnce?: boolean;
}

export interface Clock {
  /** Milliseconds since the epoch, UTC. May jump: use it for points in time, not for durations. */
  now(): number;
  /**
   * Milliseconds since an arbitrary point in time, with fractions. Never goes back: use it for
   * durations.
   */
  monotonicMs(): number;
  /**
   * Resolves after `ms`; rejects with an AbortError whose cause is the signal's reason when
   * aborted. Does not keep the process alive when `unref` is set.
   */
  sleep(ms: number, options?: { signal?: AbortSignal; unref?: boolean }): Promise<void>;
  /**
   * Calls `work` once, after `ms`. `work` must not throw. With `unref` the timer does not keep the
   * process alive.
   */
  after(ms: number, work: () => void, options?: { unref?: boolean }): Timer;
  /**
   * Runs `work` repeatedly: each run `ms` after the end of the one before, so runs never overlap.
   * The signal is aborted when the repetition is stopped. Never keeps the process alive.
   */
  every(
    ms: number,
    work: (signal: AbortSignal) => void | Promise<void>,
    options: RepeatOptions,
  ): Repetition;
  /**
   * A deadline for work that takes an AbortSignal. Keeps the process alive until it passes or is
   * cleared.
   */
  deadline(ms: number): Deadline;
}

/**
 * The error of work that took too long, and the abort reason of that work's signal. Its `name` is
 * 'TimeoutError', as that of the DOMException of `AbortSignal.timeout()`.
 */
export class DeadlinePassed extends Error {
  override readonly name = 'TimeoutError';
  constructor(ms: number) {
    super(`not within ${ms} ms`);
  }
}

/** The part of a clock that differs between the system's and a simulated one. */
export type TimeSource = Pick<Clock, 'now' | 'monotonicMs' | 'after'>;

export function createClock(source: TimeSource): Clock {
  const clock: Clock = {
    ...source,
    sleep: async (ms, options = {}) => await sleep(source, ms, options),
    every: (ms, work, options) => repeat(clock, ms, work, options),
    deadline(ms) {
      const controller = new AbortController();
      const timer = source.after(ms, () => controller.abort(new DeadlinePassed(ms)));
      return { signal: controller.signal, clear: () => timer.stop() };
    },
  };
  return clock;
}

export const systemClock: Clock = createClock({
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(ms, work, { unref = false } = {}) {
    const timer = setTimeout(work, ms);
    if (unref) timer.unref();
    return { stop: () => clearTimeout(timer) };
  },
});

async function sleep(
  source: TimeSource,
  ms: number,
  { signal, unref = false }: { signal?: AbortSignal; unref?: boolean },
): Promise<void> {
  if (signal?.aborted) throw aborted(signal);
  await new Promise<void>((resolve, reject) => {
    const onAbort = (): void => {
      timer.stop();
      if (signal) reject(aborted(signal));
    };
    const timer = source.after(
      ms,
      () => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      },
      { unref },
    );
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

/**
 * The error with which Node's own timers reject on abort.
 * https://nodejs.org/api/timers.html#timers-promises-api
 */
function aborted(signal: AbortSignal): Error {
  const error = new Error('The operation was aborted', { cause: signal.reason });
  error.name = 'AbortError';
  return error;
}

function repeat(
  clock: Clock,
  ms: number,
  work: (signal: AbortSignal) => void | Promise<void>,
  { onError, jitter, atOnce = false }: RepeatOptions,
): Repetition {
  const stopping = new AbortController();
  const { signal } = stopping;
  let timer: Timer | undefined;
  let running: Promise<void> | undefined;
  const run = async (): Promise<void> => {
    try {
      await work(signal);
    } catch (error) {
      if (!signal.aborted) onError(error); // a stopped run may end by throwing
    }
    running = undefined;
    plan();
  };
  const begin = (): void => void (running = run());
  const plan = (): void => {
    if (signal.aborted) return;
    const spread = jitter ? 1 + jitter.share * (2 * jitter.random() - 1) : 1;
    timer = clock.after(ms * spread, begin, { unref: true });
  };
  if (atOnce) begin();
  else plan();
  return {
    async stop() {
      timer?.stop();
      stopping.abort(new Error('the repetition was stopped'));
      await running;
    },
  };
}

/**
 * The promise's result, or that of `onTimeout()` after `ms`. Work that is late goes on, and its
 * result is dropped: pass it a signal if it should stop.
 */
export async function withDeadline<T, F>(
  work: Promise<T>,
  ms: number,
  onTimeout: () => F,
  clock: Pick<Clock, 'after'>,
): Promise<T | F> {
  let timer: Timer | undefined;
  const late = new Promise<F>((resolve) => {
    timer = clock.after(ms, () => resolve(onTimeout()));
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    timer?.stop();
    work.catch(() => undefined); // its late error is dropped: the deadline has answered
  }
}

const dayMs = 86_400_000;
const twoDigits = Array.from({ length: 60 }, (_, number) => String(number).padStart(2, '0'));
/** The last formatted day: times in a list are mostly of the same one. */
let formattedDay = { day: NaN, text: '' };

/** `2026-11-22T18:02:27`; a list of 1,000 servers has 3,000 times, and toISOString is slow. */
function isoUntilSeconds(ms: number): string {
  const day = Math.floor(ms / dayMs);
  if (day !== formattedDay.day)
    formattedDay = { day, text: new Date(day * dayMs).toISOString().slice(0, -13) };
  const seconds = Math.floor((ms - day * dayMs) / 1000);
  const [hour, minute] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  return `${formattedDay.text}${twoDigits[hour]}:${twoDigits[minute]}:${twoDigits[seconds % 60]}`;
}

/** `2026-11-22T18:02:27Z`, as Nova, Glance and Placement write times. */
export const isoSeconds = (ms: number): string => `${isoUntilSeconds(ms)}Z`;

/** `2026-11-22T18:02:27.000000Z`, as Keystone writes times. */
export function isoMicroseconds(ms: number): string {
  const fraction = String(Math.trunc(ms) - Math.floor(ms / 1000) * 1000).padStart(3, '0');
  return `${isoUntilSeconds(ms)}.${fraction}000Z`;
}
