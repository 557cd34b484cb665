// A libvirt client that stays connected: reconnects with jittered backoff and registers its events anew each time.
// Calls wait for the connection for a bounded time, so a restart of the daemon is felt as a delay.
import { setTimeout as delay } from 'node:timers/promises';
import type { Log } from '#platform/log.ts';
import { LibvirtConnection, type ConnectionOptions } from './connection.ts';
import { LibvirtDisconnected } from './errors.ts';
import { events, remote, type EventMessage, type EventName, type Procedure } from './protocol.ts';
import { decode } from '#platform/xdr.ts';

export interface ClientOptions {
  socketPath: string;
  uri?: string; // default 'qemu:///system'
  callTimeoutMs?: number; // default 30 s; each call may give its own
  /** How long opening a connection may take, and how long a call waits for one. */
  connectTimeoutMs?: number; // default 3 s
  maxInFlight?: number; // default 32
  maxQueued?: number; // default 4096
  keepaliveIntervalMs?: number; // default 10 s
  keepaliveCount?: number; // default 6
  backoffMs?: { first: number; last: number }; // default 100 ms doubling to 5 s
}

export interface ClientDeps {
  log: Log;
  /** 0 <= x < 1; spreads reconnections. */
  random?: () => number;
}

type Handlers = { [N in EventName]?: (message: EventMessage<N>) => void };

export class LibvirtClient {
  readonly #connectionOptions: ConnectionOptions;
  readonly #callTimeoutMs: number;
  readonly #connectTimeoutMs: number;
  readonly #backoffMs: { first: number; last: number };
  readonly #log: Log;
  readonly #random: () => number;
  readonly #handlers: Handlers;
  readonly #onReconnected: () => void;
  #connection: LibvirtConnection | undefined;
  #connecting: Promise<LibvirtConnection> | undefined;
  #retry: NodeJS.Timeout | undefined;
  #failures = 0;
  /** A connection was lost, or could not be made: events were missed. */
  #wasAway = false;
  #closed = false;

  /**
   * Connects at the first call or at `connect()`. `handlers` are registered on each connection; events that happen while there is none
   * are lost, so `onReconnected` is the moment to read the truth.
   */
  constructor(options: ClientOptions, deps: ClientDeps, handlers: Handlers = {}, onReconnected: () => void = () => {}) {
    this.#connectionOptions = {
      socketPath: options.socketPath,
      uri: options.uri ?? 'qemu:///system',
      maxInFlight: options.maxInFlight ?? 32,
      maxQueued: options.maxQueued ?? 4096,
      keepaliveIntervalMs: options.keepaliveIntervalMs ?? 10_000,
      keepaliveCount: options.keepaliveCount ?? 6,
    };
    this.#callTimeoutMs = options.callTimeoutMs ?? 30_000;
    this.#connectTimeoutMs = options.connectTimeoutMs ?? 3_000;
    this.#backoffMs = options.backoffMs ?? { first: 100, last: 5_000 };
    this.#log = deps.log;
    this.#random = deps.random ?? Math.random;
    this.#handlers = handlers;
    this.#onReconnected = onReconnected;
  }

  /** Rejects with LibvirtError, LibvirtTimeout or LibvirtDisconnected; never waits longer than the connect and call deadlines together. */
  async call<A, R>(procedure: Procedure<A, R>, args: A, timeoutMs = this.#callTimeoutMs): Promise<R> {
    const connection = this.#connection ?? (await this.connect());
    return connection.call(procedure, args, timeoutMs);
  }

  /** Shares the attempt under way, if any. */
  connect(): Promise<LibvirtConnection> {
    if (this.#closed) return Promise.reject(new LibvirtDisconnected('this client is closed'));
    if (this.#connection) return Promise.resolve(this.#connection);
    clearTimeout(this.#retry);
    this.#connecting ??= this.#open().finally(() => (this.#connecting = undefined));
    return this.#connecting;
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#connection?.close();
    this.#connection = undefined;
  }

  async #open(): Promise<LibvirtConnection> {
    const connection = await this.#openWithin(performance.now() + this.#connectTimeoutMs);
    if (this.#closed) {
      connection.close();
      throw new LibvirtDisconnected('this client is closed');
    }
    this.#connection = connection;
    this.#failures = 0;
    if (this.#wasAway) {
      this.#wasAway = false;
      this.#log.info({ socket: this.#connectionOptions.socketPath }, 'libvirt is back');
      this.#onReconnected();
    }
    return connection;
  }

  /** Tries again and again until the deadline: a daemon that restarts is back in a moment. */
  async #openWithin(deadlineAt: number): Promise<LibvirtConnection> {
    for (;;) {
      let connection: LibvirtConnection | undefined;
      try {
        connection = await LibvirtConnection.open(this.#connectionOptions, {
          message: (procedure, body) => this.#deliver(procedure, body),
          closed: (cause) => {
            if (connection && this.#connection === connection) this.#lost(cause);
          },
        }, Math.max(1, deadlineAt - performance.now()));
        await this.#registerEvents(connection);
        return connection;
      } catch (error) {
        connection?.close();
        const pauseMs = this.#backoffMs.first * (0.5 + this.#random() / 2);
        if (this.#closed || performance.now() + pauseMs >= deadlineAt) {
          this.#retryLater();
          throw new LibvirtDisconnected(`connect to ${this.#connectionOptions.socketPath}: ${(error as Error).message}`, { cause: error });
        }
        await delay(pauseMs);
      }
    }
  }

  async #registerEvents(connection: LibvirtConnection): Promise<void> {
    const names = Object.keys(this.#handlers) as EventName[];
    await Promise.all(names.map((name) =>
      connection.call(remote.connectDomainEventCallbackRegisterAny, { eventId: events[name].id, domain: null }, this.#connectTimeoutMs)));
  }

  #deliver(procedure: number, body: Buffer): void {
    for (const name of Object.keys(this.#handlers) as EventName[]) {
      if (events[name].messageNumber !== procedure) continue;
      const handler = this.#handlers[name] as ((message: unknown) => void) | undefined; // name ties handler and codec together
      handler?.(decode(events[name].message as never, body));
    }
  }

  #lost(cause: Error): void {
    this.#connection = undefined;
    if (this.#closed) return;
    this.#log.warn({ socket: this.#connectionOptions.socketPath, cause: cause.message }, 'libvirt connection lost');
    this.#retryLater();
  }

  #retryLater(): void {
    if (this.#closed) return;
    this.#wasAway = true;
    const ceilingMs = Math.min(this.#backoffMs.last, this.#backoffMs.first * 2 ** this.#failures);
    this.#failures = Math.min(this.#failures + 1, 16);
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => {
      this.connect().catch((error: Error) => this.#log.debug({ error: error.message }, 'libvirt is still away'));
    }, ceilingMs * (0.5 + this.#random() / 2));
    this.#retry.unref();
  }
}
