// A lease as seen by the work that runs under it: the right to do the work until a given time.
// Created and renewed by the saga runner and the task runner.
import type { CompiledQuery } from 'kysely';
import type { Clock } from './clock.ts';
import type { Fence, FenceToken } from './fence.ts';
import { FenceLost } from './fence.ts';

/**
 * A lease: held until it expires by this process's clock, or until `lose` says that another process
 * has it.
 */
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

  /** Aborted when the lease is known to be lost. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  lose(): void {
    this.#lost.abort(new FenceLost(this));
  }

  /**
   * Whether the lease is still held. One that has expired by this process's clock counts as lost
   * for good.
   */
  get held(): boolean {
    if (this.#clock.now() >= this.untilMs) this.lose();
    return !this.#lost.signal.aborted;
  }

  assertHeld(): void {
    if (!this.held) this.#lost.signal.throwIfAborted();
  }
}
