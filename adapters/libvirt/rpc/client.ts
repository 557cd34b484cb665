// A libvirt client that stays connected: it reconnects with jittered backoff and registers its
// events again each time. Calls wait a bounded time for the connection, so that a restart of the
// daemon only delays them.
import {
  ReconnectingConnection,
  type ReconnectDeps,
  type ReconnectOptions,
} from '#platform/reconnecting-connection.ts';
import { decode } from '#platform/xdr.ts';
import { LibvirtConnection, type ConnectionOptions } from './connection.ts';
import { LibvirtDisconnected } from './errors.ts';
import { events, remote, type EventMessage, type EventName, type Procedure } from './protocol.ts';

export interface ClientOptions extends ReconnectOptions {
  socketPath: string;
  uri?: string; // default 'qemu:///system'
  callTimeoutMs?: number; // default 30 s; each call may give its own
  maxInFlight?: number; // default 32
  maxQueued?: number; // default 4096
  keepaliveIntervalMs?: number; // default 10 s
  keepaliveCount?: number; // default 6
}

type Handlers = { [N in EventName]?: (message: EventMessage<N>) => void };

export class LibvirtClient {
  readonly #connectionOptions: ConnectionOptions;
  readonly #callTimeoutMs: number;
  readonly #handlers: Handlers;
  readonly #connection: ReconnectingConnection<LibvirtConnection>;

  /**
   * Connects at the first call or at `connect()`. `handlers` are registered on each connection;
   * events without a connection are lost, so read the current state in `onReconnected`.
   */
  constructor(
    options: ClientOptions,
    deps: ReconnectDeps,
    handlers: Handlers = {},
    onReconnected: () => void = () => {},
    onLost: () => void = () => {},
  ) {
    this.#connectionOptions = {
      socketPath: options.socketPath,
      uri: options.uri ?? 'qemu:///system',
      maxInFlight: options.maxInFlight ?? 32,
      maxQueued: options.maxQueued ?? 4096,
      keepaliveIntervalMs: options.keepaliveIntervalMs ?? 10_000,
      keepaliveCount: options.keepaliveCount ?? 6,
    };
    this.#callTimeoutMs = options.callTimeoutMs ?? 30_000;
    this.#handlers = handlers;
    this.#connection = new ReconnectingConnection(
      options,
      { ...deps, log: deps.log.child({ socket: options.socketPath }) },
      {
        name: 'libvirt',
        attempt: (leftMs, disconnected) => this.#open(leftMs, disconnected),
        opened: (_, wasAway) => {
          if (wasAway) onReconnected();
        },
        lost: onLost,
        disconnected: (why) => new LibvirtDisconnected(why),
      },
    );
  }

  /**
   * Makes a call. Rejects with LibvirtError, LibvirtTimeout or LibvirtDisconnected; never waits
   * longer than the connect and call deadlines together.
   */
  async call<A, R>(
    procedure: Procedure<A, R>,
    args: A,
    timeoutMs = this.#callTimeoutMs,
  ): Promise<R> {
    const connection = this.#connection.current ?? (await this.connect());
    return connection.call(procedure, args, timeoutMs);
  }

  /** Joins a connection attempt that is under way. */
  connect(): Promise<LibvirtConnection> {
    return this.#connection.get();
  }

  close(): void {
    this.#connection.close();
  }

  async #open(leftMs: number, onLost: (cause: Error) => void): Promise<LibvirtConnection> {
    const deadlineAt = performance.now() + leftMs;
    let connection: LibvirtConnection | undefined;
    try {
      connection = await LibvirtConnection.open(
        this.#connectionOptions,
        { message: (procedure, body) => this.#deliver(procedure, body), closed: onLost },
        leftMs,
      );
      await this.#registerEvents(connection, Math.max(1, deadlineAt - performance.now()));
      return connection;
    } catch (error) {
      connection?.close();
      throw new LibvirtDisconnected(
        `connect to ${this.#connectionOptions.socketPath}: ${(error as Error).message}`,
        { cause: error },
      );
    }
  }

  async #registerEvents(connection: LibvirtConnection, timeoutMs: number): Promise<void> {
    const names = Object.keys(this.#handlers) as EventName[];
    await Promise.all(
      names.map((name) =>
        connection.call(
          remote.connectDomainEventCallbackRegisterAny,
          { eventId: events[name].id, domain: null },
          timeoutMs,
        ),
      ),
    );
  }

  #deliver(procedure: number, body: Buffer): void {
    for (const name of Object.keys(this.#handlers) as EventName[]) {
      if (events[name].messageNumber !== procedure) continue;
      // `name` selects both the handler and its codec, which TypeScript cannot see
      const handler = this.#handlers[name] as ((message: unknown) => void) | undefined;
      handler?.(decode(events[name].message as never, body));
    }
  }
}
