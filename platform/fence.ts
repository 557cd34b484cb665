// A fence: the right to write that comes with a lease. It can be lost: another process may have
// taken the work over while this one was paused or disconnected. The saga and task runners pass it
// to the work that they start; databases, bus and HTTP client check it before each effect. See
// docs/adr/0019-fences.md.
import { AsyncLocalStorage } from 'node:async_hooks';
import type { CompiledQuery } from 'kysely';

/**
 * What a message to another process carries of the fence. Of two tokens with the same key the
 * greater is newer, and the receiver refuses the older.
 */
export interface FenceToken {
  /** e.g. `server:<uuid>`. */
  key: string;
  token: number;
}

export interface Fence extends FenceToken {
  /**
   * Checks the lease: throws FenceLost if it has ended by this process's clock, or is known to be
   * lost.
   */
  assertHeld(): void;
  /**
   * A query that returns a row only while the lease is held, and that locks the row so that no
   * other process can take the lease before the transaction ends.
   */
  readonly check: CompiledQuery;
}

/**
 * The lease has ended by this process's clock, or another process has taken it over: the work under
 * this fence must end without further effects.
 */
export class FenceLost extends Error {
  constructor({ key, token }: FenceToken) {
    super(`the claim ${token} of ${key} was lost: another process has taken the work over`);
    this.name = 'FenceLost';
  }
}

const fences = new AsyncLocalStorage<Fence | undefined>();

/** Runs `work` with the fence: its writes are refused once the lease is lost. */
export const withFence = <T>(fence: Fence, work: () => T): T => fences.run(fence, work);

/**
 * Runs `work` without a fence: for work that outlives its caller, and for handlers that would run
 * in another process in a distributed cloud.
 */
export const withoutFence = <T>(work: () => T): T => fences.run(undefined, work);

/** The fence of the current work; undefined: it has none. Throws FenceLost if its lease ended. */
export function currentFence(): Fence | undefined {
  const fence = fences.getStore();
  fence?.assertHeld();
  return fence;
}

/** Fence of the current work in the form that a message carries; null outside of fenced work. */
export function fenceToken(): FenceToken | null {
  const fence = currentFence();
  return fence ? { key: fence.key, token: fence.token } : null;
}
