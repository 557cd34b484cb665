// One host's connection to one filer's lock manager: opened when needed, probed to notice the
// filer's death, reopened when the filer is back. Used by nlm-image-locks.ts.
import type { Clock } from '#platform/clock.ts';
import { LockManager } from './nlm4.ts';
import { RpcRefused, RpcUnavailable } from './onc-rpc.ts';

export interface FilerConnectionOptions {
  server: string;
  /** Deadline for one call, and for one attempt to connect. */
  timeoutMs: number;
  /** Interval of probing: a filer whose machine died does not close its connections. */
  probeEveryMs: number;
  firstBackoffMs: number;
  maxBackoffMs: number;
}

export interface FilerConnectionEvents {
  /** Called when the connection ended: the filer may have lost the locks taken over it. */
  lost(): void;
  /**
   * Called when the connection is open again after `restore`. Returns true if nothing is left to
   * restore.
   */
  back(): Promise<boolean>;
  /** Called with an unexpected error (a bug). */
  failed(error: unknown): void;
}

export class FilerConnection {
  readonly #options: FilerConnectionOptions;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #events: FilerConnectionEvents;
  readonly #closing = new AbortController();
  #manager: Promise<LockManager> | undefined;
  #isRestoring = false;
  #isWanted = false;

  constructor(
    options: FilerConnectionOptions,
    { clock, random }: { clock: Clock; random: () => number },
    events: FilerConnectionEvents,
  ) {
    this.#options = options;
    this.#clock = clock;
    this.#random = random;
    this.#events = events;
  }

  /**
   * The open connection, or a new one. Rejects with RpcUnavailable or RpcRefused; a failure to
   * connect is returned to all callers until the next attempt is due.
   */
  async manager(): Promise<LockManager> {
    return await (this.#manager ??= this.#connect());
  }

  close(): void {
    this.#closing.abort();
    void this.#manager?.then(
      (manager) => manager.close(),
      () => undefined,
    );
  }

  /** Reconnects, however long that takes, and calls `back` again until it returns true. */
  restore(): void {
    this.#isWanted = true;
    if (!this.#isRestoring) void this.#restore();
  }

  async #restore(): Promise<void> {
    const { firstBackoffMs, maxBackoffMs } = this.#options;
    this.#isRestoring = true;
    for (
      let backoffMs = firstBackoffMs;
      this.#isWanted && !this.#closing.signal.aborted;
      backoffMs = Math.min(backoffMs * 2, maxBackoffMs)
    ) {
      await this.#sleep(backoffMs);
      if (this.#closing.signal.aborted) break;
      this.#isWanted = false; // a `restore` from here on requests another round
      const isRestored = await this.manager()
        .then(async () => await this.#events.back())
        .catch((error: unknown) => this.#failed(error));
      if (!isRestored) this.#isWanted = true;
    }
    this.#isRestoring = false;
  }

  #connect(): Promise<LockManager> {
    const { server, timeoutMs, firstBackoffMs } = this.#options;
    const opening = LockManager.open(server, timeoutMs);
    opening
      .then(
        async (manager) => {
          if (this.#closing.signal.aborted) return manager.close();
          void this.#probe(manager);
          await manager.ended;
          this.#manager = undefined;
          if (!this.#closing.signal.aborted) this.#events.lost();
        },
        async () => {
          await this.#sleep(firstBackoffMs);
          this.#manager = undefined;
        },
      )
      .catch((error: unknown) => this.#failed(error));
    return opening;
  }

  /**
   * Reports an error that is not about an unreachable filer, a bug; in any case it is tried again.
   */
  #failed(error: unknown): false {
    if (!(error instanceof RpcUnavailable || error instanceof RpcRefused))
      this.#events.failed(error);
    return false;
  }

  async #probe(manager: LockManager): Promise<void> {
    let isEnded = false;
    void manager.ended.then(() => (isEnded = true));
    for (;;) {
      await this.#sleep(this.#options.probeEveryMs, 1);
      if (isEnded || this.#closing.signal.aborted) return;
      await manager.probe().catch(() => manager.close());
    }
  }

  /**
   * Sleeps for a random time between `least` * ms and ms, so that hosts do not reconnect all at
   * once.
   */
  async #sleep(ms: number, least = 0.5): Promise<void> {
    await this.#clock
      .sleep(ms * (least + (1 - least) * this.#random()), {
        signal: this.#closing.signal,
        unref: true,
      })
      .catch(() => undefined);
  }
}
