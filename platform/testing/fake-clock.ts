// Virtual time for tests and simulations. It stands still while anything is left to run at the
// current instant, then jumps to the next timer, so that waiting costs nothing and timers fire in
// the same order in every run. It waits for other threads where Node reports their work (files),
// but not where Node does not (hashing, compression, sockets): a simulation must avoid those.
import type { Clock, Timer, TimeSource } from '../clock.ts';
import { createClock } from '../clock.ts';

export interface FakeClock extends Clock {
  /** Current time, ms. May be set to simulate a clock jump: timers due by then fire soon after. */
  nowMs: number;
  /**
   * Advances by `ms` through all timers on the way; the effects of each are complete before the
   * next fires.
   */
  advance(ms: number): Promise<void>;
  /** Stops time for good: pending timers never fire. */
  stop(): void;
}

export interface FakeClockOptions {
  startMs?: number;
  /**
   * What moves time. `timers`: every timer that keeps the process alive, deadlines included; for a
   * whole simulated cloud. `sleeps`: sleeps only; for tests with a real daemon, whose deadlines
   * must not pass while it works. `advance`: only the test. Timers that do not keep the process
   * alive (`unref`, repetitions) fire on the way, but never move time.
   */
  movedBy?: 'timers' | 'sleeps' | 'advance';
}

interface Waiting {
  atMs: number;
  /** Timers with the same time fire in the order of their creation. */
  order: number;
  moves: boolean;
  work(): void;
}

/** Timers, sorted by (atMs, order). An array is enough: a simulation has some hundred timers. */
class Timers {
  readonly #list: Waiting[] = [];
  #movers = 0;

  get first(): Waiting | undefined {
    return this.#list[0];
  }

  get anyMoves(): boolean {
    return this.#movers > 0;
  }

  add(timer: Waiting): void {
    let [low, high] = [0, this.#list.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = this.#list[middle] as Waiting; // cast: low <= middle < length
      if (other.atMs < timer.atMs || (other.atMs === timer.atMs && other.order < timer.order))
        low = middle + 1;
      else high = middle;
    }
    this.#list.splice(low, 0, timer);
    if (timer.moves) this.#movers += 1;
  }

  remove(timer: Waiting): void {
    const at = this.#list.indexOf(timer);
    if (at < 0) return;
    this.#list.splice(at, 1);
    if (timer.moves) this.#movers -= 1;
  }
}

export function createFakeClock({
  startMs = Date.UTC(2026, 0, 1),
  movedBy = 'timers',
}: FakeClockOptions = {}): FakeClock {
  const timers = new Timers();
  let nowMs = startMs;
  let order = 0;
  let pumping = false;
  let stopped = false;
  let advancing = 0;

  const fire = (timer: Waiting): void => {
    timers.remove(timer);
    nowMs = Math.max(nowMs, timer.atMs);
    timer.work();
  };
  const pump = async (): Promise<void> => {
    pumping = true;
    for (;;) {
      await settled();
      const next = timers.first;
      if (stopped || advancing > 0 || !next || !(timers.anyMoves || next.atMs <= nowMs)) break;
      fire(next);
    }
    pumping = false;
  };
  const wake = (): void => {
    if (!pumping && !stopped && advancing === 0) void pump();
  };
  const after =
    (moving: boolean): TimeSource['after'] =>
    (ms, work, { unref = false } = {}): Timer => {
      const timer: Waiting = {
        atMs: nowMs + Math.max(0, ms),
        order: (order += 1),
        moves: moving && !unref,
        work,
      };
      timers.add(timer);
      wake();
      return { stop: () => timers.remove(timer) };
    };
  const time = { now: () => Math.floor(nowMs), monotonicMs: () => nowMs - startMs };
  return {
    ...createClock({ ...time, after: after(movedBy === 'timers') }),
    sleep: createClock({ ...time, after: after(movedBy !== 'advance') }).sleep,
    get nowMs() {
      return nowMs;
    },
    set nowMs(ms: number) {
      nowMs = ms;
      wake();
    },
    async advance(ms) {
      const untilMs = nowMs + ms;
      advancing += 1;
      await settled();
      for (let next = timers.first; next && next.atMs <= untilMs; next = timers.first) {
        fire(next);
        await settled();
      }
      nowMs = Math.max(nowMs, untilMs);
      advancing -= 1;
      wake();
    },
    stop() {
      stopped = true;
    },
  };
}

/** Resolves when nothing is left to run at this instant: no callback, no file operation. */
async function settled(): Promise<void> {
  do await new Promise((resolve) => setImmediate(resolve));
  while (process.getActiveResourcesInfo().some((name) => name.includes('Req')));
}
