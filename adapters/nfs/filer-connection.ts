// The line of one host to one filer's lock manager: connects when it is needed, notices the filer's
// death, tells when it is back. Used by nlm-image-locks.ts.
import type { Clock } from '#platform/clock.ts';
import { LockManager } from './nlm4.ts';
import { RpcRefused, RpcUnavailable } from './onc-rpc.ts';

export interface FilerLineOptions {
  server: string;
  /** For one call, and for one attempt to connect. */
  timeoutMs: number;
  /** A filer whose machine died says nothing: it is asked for a sign of life so often. */
  probeEveryMs: number;
  firstBackoffMs: number;
  maxBackoffMs: number;
}

export interface FilerLineEvents {
  /** What was locked over it may be forgotten by now. */
  lost(): void;
  /** The line is there and `restore` was asked for; true: nothing is left to do. */
  back(): Promise<boolean>;
  /** An error that nobody expects. */
  failed(error: unknown): void;
}

export class FilerLine {
  readonly #options: FilerLineOptions;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #events: FilerLineEvents;
  readonly #closing = new AbortController();
  #manager: Promise<LockManager> | undefined;
  #isRestoring = false;
  #isWanted = false;

  constructor(
    options: FilerLineOptions,
    { clock, random }: { clock: Clock; random: () => number },
    events: FilerLineEvents,
  ) {
    this.#options = options;
    this.#clock = clock;
    this.#random = random;
    this.#events = events;
  }

  /**
   * The connection there is, or a new one. Rejects with RpcUnavailable or RpcRefused; a failure
   * counts for all who ask until the next attempt is due.
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

  /** Connects, however long it takes, until `back` has nothing left to do. */
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
      this.#isWanted = false; // from here on anew
      const done = await this.manager()
        .then(async () => await this.#events.back())
        .catch((error: unknown) => this.#failed(error));
      if (!done) this.#isWanted = true;
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

  /** What is no failure of the line is a bug: told, and tried again. */
  #failed(error: unknown): false {
    if (!(error instanceof RpcUnavailable || error instanceof RpcRefused))
      this.#events.failed(error);
    return false;
  }

  async #probe(manager: LockManager): Promise<void> {
    let ended = false;
    void manager.ended.then(() => (ended = true));
    for (;;) {
      await this.#sleep(this.#options.probeEveryMs, 1);
      if (ended || this.#closing.signal.aborted) return;
      await manager.probe().catch(() => manager.close());
    }
  }

  /** Half of it at least, so that hosts do not come all at once. */
  async #sleep(ms: number, least = 0.5): Promise<void> {
    await this.#clock
      .sleep(ms * (least + (1 - least) * this.#random()), {
        signal: this.#closing.signal,
        unref: true,
      })
      .catch(() => undefined);
  }
}
