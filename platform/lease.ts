// A claim with an end, as the work that goes on under it sees it. Made by the saga runner and the
// task runner, which extend it.
import type { CompiledQuery } from 'kysely';
import type { Clock } from './clock.ts';
import type { Fence, FenceToken } from './fence.ts';
import { FenceLost } from './fence.ts';

/** Held until it ends by this process's clock, or is known to be another's. */
export class Lease implements Fence {
  readonly key: string;
  readonly token: number;
  readonly check: CompiledQuery;
  untilMs: number;
  readonly #clock: Clock;
  readonly #lost = new AbortController();

  constructor({ key, token }: FenceToken, check: CompiledQuery, clock: Clock, untilMs: number) {
    this.key = key;
    this.token = token;
    this.check = check;
    this.untilMs = untilMs;
    this.#clock = clock;
  }

  /** Aborts when it is known to be lost. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  lose(): void {
    this.#lost.abort(new FenceLost(this));
  }

  /** False when it is lost, or has ended by this process's clock, which loses it. */
  get held(): boolean {
    if (this.#clock.now() >= this.untilMs) this.lose();
    return !this.#lost.signal.aborted;
  }

  assertHeld(): void {
    if (!this.held) this.#lost.signal.throwIfAborted();
  }
}
