// A claim that ends at a given time, as seen by the work under it. Created by the saga runner and
// the task runner, which extend it.
import type { CompiledQuery } from 'kysely';
import type { Clock } from './clock.ts';
import type { Fence, FenceToken } from './fence.ts';
import { FenceLost } from './fence.ts';

/** Held until it ends by this process's clock, or is known to belong to another process. */
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

  /**
   * False if it is lost, or has ended by this process's clock; then it counts as lost from now on.
   */
  get held(): boolean {
    if (this.#clock.now() >= this.untilMs) this.lose();
    return !this.#lost.signal.aborted;
  }

  assertHeld(): void {
    if (!this.held) this.#lost.signal.throwIfAborted();
  }
}
