// An OVSDB client that stays connected: it reconnects with jittered backoff and restores its
// replicas and locks. Calls wait a bounded time for the connection, so that a restart of the server
// only delays them.
import type { Log } from '#platform/log.ts';
import {
  ReconnectingConnection,
  type ReconnectDeps,
  type ReconnectOptions,
} from '#platform/reconnecting-connection.ts';
import { OvsdbConnection, type CallOptions, type ConnectionOptions } from './connection.ts';
import { OvsdbDisconnected } from './errors.ts';
import { Lock } from './lock.ts';
import { readAnswers, type Operation, type OperationResult } from './operations.ts';
import { Replica, type ReplicaListeners, type Selection } from './replica.ts';
import type { DatabaseSchema } from './schema.ts';

export interface ClientOptions<S extends DatabaseSchema> extends ReconnectOptions {
  /** `unix:/run/ovn/ovnnb_db.sock`, `tcp:127.0.0.1:6641`; if one fails, the next is tried. */
  remotes: readonly string[];
  schema: S;
  callTimeoutMs?: number; // default 30 s; each call may give its own
  maxInFlight?: number; // default 32
  maxQueued?: number; // default 4096
  maxMessageBytes?: number; // default 256 MiB
  keepaliveIntervalMs?: number; // default 10 s
}

type TransactOptions = Partial<Pick<CallOptions, 'timeoutMs' | 'signal'>>;

export class OvsdbClient<S extends DatabaseSchema> {
  readonly #remotes: readonly string[];
  readonly #schema: S;
  readonly #connectionOptions: Omit<ConnectionOptions, 'remote'>;
  readonly #callTimeoutMs: number;
  readonly #log: Log;
  readonly #connection: ReconnectingConnection<OvsdbConnection>;
  readonly #replicas = new Map<string, Replica<S, Selection<S>>>();
  readonly #locks = new Map<string, Lock>();
  /** Failed attempts; each moves on to the next remote. */
  #failed = 0;
  #lastReplica = 0;

  /**
   * Connects at the first call, replica or lock, or at `connect()`, and stays connected until
   * `close()`.
   */
  constructor(options: ClientOptions<S>, deps: ReconnectDeps) {
    if (options.remotes.length === 0) throw new Error('an OVSDB client needs a remote');
    this.#remotes = options.remotes;
    this.#schema = options.schema;
    this.#connectionOptions = {
      maxInFlight: options.maxInFlight ?? 32,
      maxQueued: options.maxQueued ?? 4096,
      maxMessageBytes: options.maxMessageBytes ?? 256 * 1024 * 1024,
      keepaliveIntervalMs: options.keepaliveIntervalMs ?? 10_000,
    };
    this.#callTimeoutMs = options.callTimeoutMs ?? 30_000;
    this.#log = deps.log.child({ database: options.schema.name });
    this.#connection = new ReconnectingConnection(
      options,
      { ...deps, log: this.#log },
      {
        name: 'OVSDB',
        attempt: (leftMs, onLost) => this.#open(leftMs, onLost),
        opened: (connection) => {
          for (const lock of this.#locks.values())
            this.#settle(connection, this.#askForLock(connection, lock));
          for (const replica of this.#replicas.values())
            this.#settle(connection, this.#startReplica(connection, replica));
        },
        lost: () => {
          for (const replica of this.#replicas.values()) replica.lost();
          for (const lock of this.#locks.values()) lock.set(false);
        },
        disconnected: (why) => new OvsdbDisconnected(why),
      },
    );
  }

  /**
   * Executes all operations or none, with one answer each. Rejects with OvsdbTransactionError,
   * OvsdbError, OvsdbTimeout or OvsdbDisconnected.
   */
  async transact<const O extends readonly Operation<unknown>[]>(
    operations: O,
    options: TransactOptions = {},
  ): Promise<{ -readonly [I in keyof O]: OperationResult<O[I]> }> {
    const answers = await this.call(
      'transact',
      [this.#schema.name, ...operations.map((each) => each.wire)],
      options,
    );
    return readAnswers(operations, answers as unknown[]); // RFC 7047, 4.1.3
  }

  /**
   * The server's own schema, in the form of RFC 7047, 3.2: another release may lack columns of the
   * generated one.
   */
  async getSchema(): Promise<{
    name: string;
    version: string;
    tables: Record<string, { columns: Record<string, unknown> }>;
  }> {
    return (await this.call('get_schema', [this.#schema.name])) as never; // RFC 7047, 4.1.2
  }

  async listDatabases(): Promise<string[]> {
    return (await this.call('list_dbs', [])) as string[]; // RFC 7047, 4.1.1
  }

  /** Calls any method. Never waits longer than the connect and call deadlines together. */
  async call(
    method: string,
    params: readonly unknown[],
    options: TransactOptions = {},
  ): Promise<unknown> {
    const connection = this.#connection.current ?? (await this.connect());
    return connection.call(method, params, { timeoutMs: this.#callTimeoutMs, ...options });
  }

  /** Keeps these tables in memory from now on. */
  replicate<const M extends Selection<S>>(
    selection: M,
    listeners: ReplicaListeners<S, M> = {},
  ): Replica<S, M> {
    const id = `replica-${(this.#lastReplica += 1)}`;
    const guarded: ReplicaListeners<S, M> = {
      onChanges: (changes) => this.#guarded(() => listeners.onChanges?.(changes)),
      onTrue: () => this.#guarded(() => listeners.onTrue?.()),
    };
    const replica = new Replica<S, M>(id, this.#schema, selection, guarded, () => {
      this.#replicas.delete(id);
      this.#connection.current
        ?.call('monitor_cancel', [id], { timeoutMs: this.#callTimeoutMs })
        .catch(() => undefined); // ends with the connection at the latest
    });
    // A cast, because the replica's selection is a narrower type: the client only starts it and
    // passes it notifications.
    this.#replicas.set(id, replica as never);
    this.#begin((connection) => this.#startReplica(connection, replica as never));
    return replica;
  }

  /** Requests a lock, now and on every new connection. One `Lock` per name. */
  lock(name: string, onChange: (isHeld: boolean) => void = () => {}): Lock {
    if (this.#locks.has(name)) throw new Error(`this client is after the lock ${name} already`);
    const lock = new Lock(
      name,
      (isHeld) => this.#guarded(() => onChange(isHeld)),
      () => {
        this.#locks.delete(name);
        this.#connection.current
          ?.call('unlock', [name], { timeoutMs: this.#callTimeoutMs })
          .catch(() => undefined); // ends with the connection at the latest
      },
    );
    this.#locks.set(name, lock);
    this.#begin((connection) => this.#askForLock(connection, lock));
    return lock;
  }

  /** Takes a lock of `lock()` from its holder, which is notified. */
  async steal(lock: Lock): Promise<void> {
    const connection = await this.connect();
    const timeoutMs = this.#callTimeoutMs;
    // The server requires a queued client to leave the queue first; both requests are sent at once.
    await Promise.all([
      connection.call('unlock', [lock.name], { timeoutMs }),
      connection.call('steal', [lock.name], { timeoutMs, onAnswer: () => lock.set(true) }),
    ]);
  }

  /** Joins a connection attempt that is under way. */
  connect(): Promise<OvsdbConnection> {
    return this.#connection.get();
  }

  close(): void {
    for (const replica of this.#replicas.values()) replica.close();
    this.#connection.close();
  }

  async #open(leftMs: number, onLost: (cause: Error) => void): Promise<OvsdbConnection> {
    // Not empty: the constructor checks it.
    const remote = this.#remotes[this.#failed % this.#remotes.length] as string;
    try {
      return await OvsdbConnection.open(
        { ...this.#connectionOptions, remote },
        { notification: (method, params) => this.#notified(method, params), closed: onLost },
        leftMs,
      );
    } catch (error) {
      this.#failed += 1;
      throw new OvsdbDisconnected(`connect to ${remote}: ${(error as Error).message}`, {
        cause: error,
      });
    }
  }

  /** Sends a request now if there is a connection; otherwise the next connection starts with it. */
  #begin(work: (connection: OvsdbConnection) => Promise<void>): void {
    const connection = this.#connection.current;
    if (connection) this.#settle(connection, work(connection));
    else
      this.connect().catch((error: Error) =>
        this.#log.debug({ error: error.message }, 'OVSDB is still away'),
      );
  }

  /**
   * Closes a connection on which a replica or lock could not be set up; the next one tries again.
   */
  #settle(connection: OvsdbConnection, work: Promise<void>): void {
    work.catch((error: Error) => {
      if (this.#connection.current !== connection) return;
      this.#log.error({ error: error.message }, 'OVSDB replica or lock refused');
      connection.close();
    });
  }

  async #startReplica(
    connection: OvsdbConnection,
    replica: Replica<S, Selection<S>>,
  ): Promise<void> {
    await replica.start((method, params, onAnswer) =>
      connection.call(method, params, { timeoutMs: this.#callTimeoutMs, onAnswer }),
    );
  }

  async #askForLock(connection: OvsdbConnection, lock: Lock): Promise<void> {
    await connection.call('lock', [lock.name], {
      timeoutMs: this.#callTimeoutMs,
      onAnswer: (answer) => lock.set((answer as { locked: boolean }).locked),
    }); // RFC 7047, 4.1.8
  }

  #notified(method: string, params: readonly unknown[]): void {
    const [name] = params;
    if (method === 'locked' || method === 'stolen')
      return this.#locks.get(String(name))?.set(method === 'locked');
    const replica = this.#replicas.get(String(name));
    try {
      replica?.notified(method, params);
    } catch (error) {
      this.#log.error({ error: (error as Error).message }, 'OVSDB replica broken: fetched anew');
      replica?.distrust();
      this.#connection.current?.close();
    }
  }

  /** Runs a listener, whose error must not end the connection whose notification it handles. */
  #guarded(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#log.error({ error: (error as Error).stack }, 'a listener of OVSDB changes threw');
    }
  }
}
