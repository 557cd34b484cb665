// The right to write that comes with a lease and can be lost: another process may have taken the
// work over while this one was stopped or cut off. The saga runner and the task runner give it to
// the work they start; databases, the bus and the HTTP client look at it before each effect.
// See docs/adr/0019-fences.md.
import { AsyncLocalStorage } from 'node:async_hooks';
import type { CompiledQuery } from 'kysely';

/**
 * What an effect elsewhere carries: of two with one key, the one with the greater token is newer.
 */
export interface FenceToken {
  /** e.g. `server:<uuid>`. */
  key: string;
  token: number;
}

export interface Fence extends FenceToken {
  /** Throws FenceLost when the lease has ended by this process's clock, or is known to be lost. */
  assertHeld(): void;
  /**
   * Gives a row while the lease is held, and keeps others from taking it until the transaction
   * ends.
   */
  readonly check: CompiledQuery;
}

/** The lease is another's: the work that holds this fence ends without another word. */
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
 * Runs `work` without any: for what goes on after its caller, and for calls that would be another
 * process's in a distributed cloud.
 */
export const withoutFence = <T>(work: () => T): T => fences.run(undefined, work);

/** The fence of the running work; FenceLost is thrown when its lease has ended. */
export function currentFence(): Fence | undefined {
  const fence = fences.getStore();
  fence?.assertHeld();
  return fence;
}

/** What a message to another process carries of the running work's fence. */
export function fenceToken(): FenceToken | null {
  const fence = currentFence();
  return fence ? { key: fence.key, token: fence.token } : null;
}
