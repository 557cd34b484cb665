// A connection that opens at its first use and reconnects in the background when it is lost. Its
// owner is told when it is back. Base of the clients of libvirt and OVSDB, which define how to
// connect.
import type { Clock, Timer } from './clock.ts';
import { systemClock } from './clock.ts';
import { systemIds } from './ids.ts';
import type { Log } from './log.ts';

export interface ReconnectOptions {
  /** How long opening may take, and how long a caller waits for the connection. */
  connectTimeoutMs?: number; // default 3 s
  backoffMs?: { first: number; last: number }; // default 100 ms doubling to 5 s
}

export interface ReconnectDeps {
  log: Log;
  clock?: Clock;
  /** Random number, 0 <= x < 1: spreads the reconnects of several clients. */
  random?: () => number;
}

export interface ReconnectPeer<C> {
  /** The peer's name in log lines. */
  name: string;
  /**
   * Makes one attempt to connect, which ends within `leftMs`, and rejects with the error for
   * callers. The returned connection must call `onLost` when it ends for whatever reason, `close()`
   * included.
   */
  attempt(leftMs: number, onLost: (cause: Error) => void): Promise<C>;
  /**
   * Called when the connection is open. `wasAway`: an earlier connection was lost or could not be
   * opened, so changes at the peer may have been missed. Must not throw.
   */
  opened?(connection: C, wasAway: boolean): void;
  /** Called when the open connection is lost. Must not throw. */
  lost?(): void;
  /** Makes the error for callers where no attempt has failed with one of its own. */
  disconnected(why: string): Error;
}

export class ReconnectingConnection<C extends { close(): void }> {
  readonly #connectTimeoutMs: number;
  readonly #backoffMs: { first: number; last: number };
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #peer: ReconnectPeer<C>;
  #current: C | undefined;
  #opening: Promise<C> | undefined;
  #retry: Timer | undefined;
  #openedAt = 0;
  /**
   * Lost connections and failed attempts since the last stable connection; 0: none. Only `#lost`
   * resets it: opening alone is no success, the connection must also last for a while.
   */
  #failures = 0;
  #closed = false;

  constructor(
    { connectTimeoutMs = 3_000, backoffMs = { first: 100, last: 5_000 } }: ReconnectOptions,
    { log, clock = systemClock, random = systemIds.random }: ReconnectDeps,
    peer: ReconnectPeer<C>,
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
   * The open connection, or else a new one within `connectTimeoutMs`; concurrent callers share one
   * attempt. From the first call on the connection is kept open.
   */
  get(): Promise<C> {
    if (this.#closed) return Promise.reject(this.#closedError());
    if (this.#current) return Promise.resolve(this.#current);
    this.#opening ??= this.#open().finally(() => (this.#opening = undefined));
    return this.#opening;
  }

  /** Closes the connection for good. */
  close(): void {
    this.#closed = true;
    this.#retry?.stop();
    this.#current?.close();
  }

  /** Opens the connection: tries until the deadline, since a restarting daemon is back soon. */
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
    // The back-off restarts only after a connection that lasted; else its pauses keep growing.
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
