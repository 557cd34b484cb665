// A connection that is kept open: opened at the first request, reopened in the background when it
// is lost, with a notice when it is back. Base of the clients of libvirt and OVSDB, which define
// how it is opened and used.
import type { Clock, Timer } from './clock.ts';
import { systemClock } from './clock.ts';
import { systemIds } from './ids.ts';
import type { Log } from './log.ts';

export interface KeepOptions {
  /** How long opening may take, and how long a caller waits for it. */
  connectTimeoutMs?: number; // default 3 s
  backoffMs?: { first: number; last: number }; // default 100 ms doubling to 5 s
}

export interface KeepDeps {
  log: Log;
  clock?: Clock;
  /** 0 <= x < 1; spreads reconnections. */
  random?: () => number;
}

export interface KeptPeer<C> {
  /** Its name in log lines. */
  name: string;
  /**
   * One attempt, which ends within `leftMs`. It rejects with the error for its callers. Call `lost`
   * at the end of the connection, whatever ends it, its `close()` included.
   */
  attempt(leftMs: number, lost: (cause: Error) => void): Promise<C>;
  /**
   * The connection is `current` from now on. `wasAway`: one was lost, or could not be opened, so
   * that changes may have been missed. Must not throw.
   */
  opened?(connection: C, wasAway: boolean): void;
  /** It is no longer `current`. Must not throw. */
  lost?(): void;
  /** The error for callers when no attempt has failed. */
  disconnected(why: string): Error;
}

export class KeptConnection<C extends { close(): void }> {
  readonly #connectTimeoutMs: number;
  readonly #backoffMs: { first: number; last: number };
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #peer: KeptPeer<C>;
  #current: C | undefined;
  #opening: Promise<C> | undefined;
  #retry: Timer | undefined;
  #openedAt = 0;
  /**
   * Lost connections and failed attempts; 0: never away. Reset by `#lost` only: a connection counts
   * as a success once it has lasted.
   */
  #failures = 0;
  #closed = false;

  constructor(
    { connectTimeoutMs = 3_000, backoffMs = { first: 100, last: 5_000 } }: KeepOptions,
    { log, clock = systemClock, random = systemIds.random }: KeepDeps,
    peer: KeptPeer<C>,
  ) {
    this.#connectTimeoutMs = connectTimeoutMs;
    this.#backoffMs = backoffMs;
    this.#log = log;
    this.#clock = clock;
    this.#random = random;
    this.#peer = peer;
  }

  get current(): C | undefined {
    return this.#current;
  }

  /**
   * The current connection, or a new one within `connectTimeoutMs`; joins an attempt that is under
   * way. From the first call on it is kept open.
   */
  get(): Promise<C> {
    if (this.#closed) return Promise.reject(this.#closedError());
    if (this.#current) return Promise.resolve(this.#current);
    this.#opening ??= this.#open().finally(() => (this.#opening = undefined));
    return this.#opening;
  }

  /** Closes it for good. */
  close(): void {
    this.#closed = true;
    this.#retry?.stop();
    this.#current?.close();
  }

  /** Tries again until the deadline: a daemon that restarts is back soon. */
  async #open(): Promise<C> {
    const deadlineAt = this.#clock.monotonicMs() + this.#connectTimeoutMs;
    for (;;) {
      let connection: C | undefined;
      let lostBy: Error | undefined;
      try {
        connection = await this.#peer.attempt(
          Math.max(1, deadlineAt - this.#clock.monotonicMs()),
          (cause) => {
            lostBy = cause;
            if (connection !== undefined && connection === this.#current) this.#lost(cause);
          },
        );
        if (this.#closed) {
          connection.close();
          throw this.#closedError();
        }
        if (lostBy)
          throw this.#peer.disconnected(`the connection ended at once: ${lostBy.message}`);
      } catch (error) {
        const pauseMs = this.#spread(this.#backoffMs.first);
        if (this.#closed || this.#clock.monotonicMs() + pauseMs >= deadlineAt) {
          this.#retryLater();
          throw error;
        }
        await this.#clock.sleep(pauseMs);
        continue;
      }
      this.#take(connection);
      return connection;
    }
  }

  #take(connection: C): void {
    const wasAway = this.#failures > 0;
    this.#current = connection;
    this.#openedAt = this.#clock.monotonicMs();
    if (wasAway) this.#log.info({}, `${this.#peer.name} is back`);
    this.#peer.opened?.(connection, wasAway);
  }

  #lost(cause: Error): void {
    this.#current = undefined;
    this.#peer.lost?.();
    if (this.#closed) return;
    // After a connection that ended soon after it was opened, the pause keeps growing.
    if (this.#clock.monotonicMs() - this.#openedAt > this.#backoffMs.last) this.#failures = 0;
    this.#log.warn({ cause: cause.message }, `${this.#peer.name} connection lost`);
    this.#retryLater();
  }

  #retryLater(): void {
    if (this.#closed) return;
    const ceilingMs = Math.min(this.#backoffMs.last, this.#backoffMs.first * 2 ** this.#failures);
    this.#failures = Math.min(this.#failures + 1, 16);
    this.#retry?.stop();
    const askAgain = (): void =>
      void this.get().catch((error: Error) =>
        this.#log.debug({ error: error.message }, `${this.#peer.name} is still away`),
      );
    this.#retry = this.#clock.after(this.#spread(ceilingMs), askAgain, { unref: true });
  }

  #closedError(): Error {
    return this.#peer.disconnected('this client is closed');
  }

  #spread(ms: number): number {
    return ms * (0.5 + this.#random() / 2);
  }
}
