// The right to write that comes with a lease and can be lost: another process may have taken the
// work over while this one was paused or disconnected. The saga runner and the task runner pass it
// to the work that they start; databases, the bus and the HTTP client check it before each effect.
// See docs/adr/0019-fences.md.
import { AsyncLocalStorage } from 'node:async_hooks';
import type { CompiledQuery } from 'kysely';

/**
 * What is sent with an effect elsewhere: of two with one key, the one with the greater token is
 * newer.
 */
export interface FenceToken {
  /** e.g. `server:<uuid>`. */
  key: string;
  token: number;
}

export interface Fence extends FenceToken {
  /** Throws FenceLost if the lease has ended by this process's clock, or is known to be lost. */
  assertHeld(): void;
  /**
   * Returns a row while the lease is held, and keeps others from taking it until the transaction
   * ends.
   */
  readonly check: CompiledQuery;
}

/** Another process has the lease: the work under this fence ends without any further effect. */
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
 * Runs `work` without a fence: for work that continues after its caller, and for calls that another
 * process would execute in a distributed cloud.
 */
export const withoutFence = <T>(work: () => T): T => fences.run(undefined, work);

/** The fence of the current work; throws FenceLost if its lease has ended. */
export function currentFence(): Fence | undefined {
  const fence = fences.getStore();
  fence?.assertHeld();
  return fence;
}

/** The fence of the current work as sent with a message to another process. */
export function fenceToken(): FenceToken | null {
  const fence = currentFence();
  return fence ? { key: fence.key, token: fence.token } : null;
}
