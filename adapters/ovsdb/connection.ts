// One connection to an OVSDB server: runs calls in parallel, delivers notifications, answers and
// sends echoes, detects a dead peer. `client.ts` keeps one of these alive; use that unless you want
// a single connection.
import type net from 'node:net';
import { OvsdbDisconnected, OvsdbError, OvsdbTimeout } from './errors.ts';
import { JsonSplitter } from './json-stream.ts';
import { connectTo } from './remote.ts';

export interface ConnectionOptions {
  remote: string;
  /** Calls beyond this many wait in order. */
  maxInFlight: number;
  /** Calls beyond this many waiting ones fail at once. */
  maxQueued: number;
  /** A longer message ends the connection. The first answer of a monitor contains all its rows. */
  maxMessageBytes: number;
  /**
   * After this time without a message from the server, an echo is sent; after the same time again,
   * the server counts as dead.
   */
  keepaliveIntervalMs: number;
}

export interface ConnectionListeners {
  /** `update3`, `locked`, `stolen` ... Must not throw. */
  notification(method: string, params: readonly unknown[]): void;
  closed(cause: Error): void;
}

interface Call {
  id: number;
  text: string;
  settle(reply: { result: unknown } | Error): void;
}

export interface CallOptions {
  timeoutMs: number;
  /**
   * Cancels the call at the server: it fails with "canceled" unless its answer was sent already. (A
   * clustered database may still commit it.)
   */
  signal?: AbortSignal | undefined;
  /** Called with the answer at once, before any notification that follows it. */
  taken?: ((result: unknown) => void) | undefined;
}

export class OvsdbConnection {
  readonly #options: ConnectionOptions;
  readonly #listeners: ConnectionListeners;
  readonly #socket: net.Socket;
  readonly #splitter: JsonSplitter;
  readonly #inFlight = new Map<number, Call>();
  /** In insertion order; a set, because calls are removed from the middle at their deadlines. */
  readonly #queue = new Set<Call>();
  #lastId = 0;
  #heardAt = performance.now();
  #keepalive: NodeJS.Timeout | undefined;
  #closed: Error | undefined;

  private constructor(
    socket: net.Socket,
    options: ConnectionOptions,
    listeners: ConnectionListeners,
  ) {
    this.#socket = socket;
    this.#options = options;
    this.#listeners = listeners;
    this.#splitter = new JsonSplitter(options.maxMessageBytes);
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('error', (error) => this.#end(error));
    socket.on('close', () => this.#end(new Error('the server closed the connection')));
  }

  /** Connects and waits for one echo, to recognise a listener that is not an OVSDB server. */
  static async open(
    options: ConnectionOptions,
    listeners: ConnectionListeners,
    timeoutMs: number,
  ): Promise<OvsdbConnection> {
    const connection = new OvsdbConnection(connectTo(options.remote), options, listeners);
    try {
      await connection.call('echo', [], { timeoutMs });
      connection.#startKeepalive();
      return connection;
    } catch (error) {
      connection.#end(error as Error); // everything thrown above is an Error
      throw error;
    }
  }

  /**
   * One call. Rejects with OvsdbError, OvsdbTimeout or OvsdbDisconnected. A call past its deadline
   * is canceled at the server.
   */
  call(
    method: string,
    params: readonly unknown[],
    { timeoutMs, signal, taken }: CallOptions,
  ): Promise<unknown> {
    if (this.#closed) return Promise.reject(new OvsdbDisconnected(this.#closed.message));
    if (this.#queue.size >= this.#options.maxQueued)
      return Promise.reject(
        new OvsdbDisconnected(`${this.#queue.size} OVSDB calls are waiting already`),
      );
    if (signal?.aborted)
      return Promise.reject(new OvsdbError('canceled', `${method}: canceled before it was sent`));
    const id = (this.#lastId += 1);
    return new Promise((resolve, reject) => {
      const canceled = () => {
        if (!this.#inFlight.has(id))
          return call.settle(new OvsdbError('canceled', `${method}: canceled before it was sent`));
        this.#notify('cancel', [id]);
        // RFC 7047, 4.1.4 promises the error "canceled", but ovsdb-server 3.1 cancels without an
        // answer. It answers in order, so the answer to an echo shows that the call was canceled.
        this.call('echo', [], { timeoutMs }).then(
          () => call.settle(new OvsdbError('canceled', `${method}: canceled`)),
          () => undefined,
        );
      };
      const deadline = setTimeout(() => {
        if (this.#inFlight.has(id)) this.#notify('cancel', [id]);
        call.settle(new OvsdbTimeout(`${method}: no answer in ${Math.round(timeoutMs)} ms`));
      }, timeoutMs);
      const call: Call = {
        id,
        text: JSON.stringify({ method, params, id }),
        settle: (reply) => {
          clearTimeout(deadline);
          signal?.removeEventListener('abort', canceled);
          this.#forget(call);
          if (reply instanceof Error) return reject(reply);
          try {
            taken?.(reply.result);
            resolve(reply.result);
          } catch (error) {
            reject(new Error(`answer to ${method}`, { cause: error }));
          }
        },
      };
      signal?.addEventListener('abort', canceled);
      this.#queue.add(call);
      this.#sendQueued();
    });
  }

  close(): void {
    this.#end(new Error('closed'));
  }

  #forget(call: Call): void {
    this.#inFlight.delete(call.id);
    this.#queue.delete(call);
    if (!this.#closed) this.#sendQueued();
  }

  #sendQueued(): void {
    for (const call of this.#queue) {
      if (this.#inFlight.size >= this.#options.maxInFlight) return;
      this.#queue.delete(call);
      this.#inFlight.set(call.id, call);
      this.#socket.write(call.text);
    }
  }

  #notify(method: string, params: readonly unknown[]): void {
    this.#socket.write(JSON.stringify({ method, params, id: null }));
  }

  #receive(chunk: Buffer): void {
    this.#heardAt = performance.now(); // any message from the server proves that it is alive
    let messages: unknown[];
    try {
      messages = this.#splitter.push(chunk);
    } catch (error) {
      return this.#end(
        new Error(`unreadable message from OVSDB: ${(error as Error).message}`, { cause: error }),
      );
    }
    // the splitter returns only objects
    for (const message of messages) this.#dispatch(message as Record<string, unknown>);
  }

  #dispatch({ method, params, id, result, error }: Record<string, unknown>): void {
    if (typeof method === 'string') {
      if (method === 'echo')
        this.#socket.write(JSON.stringify({ id, result: params, error: null }));
      else this.#listeners.notification(method, Array.isArray(params) ? params : []);
    } else if (typeof id === 'number') {
      this.#inFlight.get(id)?.settle(error == null ? { result } : errorOf(error));
    }
  }

  #startKeepalive(): void {
    const intervalMs = this.#options.keepaliveIntervalMs;
    this.#keepalive = setInterval(() => {
      const silentMs = performance.now() - this.#heardAt;
      if (silentMs >= 2 * intervalMs)
        this.#end(new Error(`not a word in ${Math.round(silentMs)} ms`));
      else if (silentMs >= intervalMs)
        // without an answer, the next check ends the connection
        this.call('echo', [], { timeoutMs: intervalMs }).catch(() => undefined);
    }, intervalMs / 2);
    this.#keepalive.unref();
  }

  #end(cause: Error): void {
    if (this.#closed) return;
    this.#closed = cause;
    clearInterval(this.#keepalive);
    this.#socket.destroy();
    for (const call of [...this.#inFlight.values(), ...this.#queue])
      call.settle(new OvsdbDisconnected(cause.message, { cause }));
    this.#listeners.closed(cause);
  }
}

/** ovsdb-server sends `{error, details}`, or a single word such as "canceled". */
function errorOf(error: unknown): OvsdbError {
  if (typeof error === 'string') return new OvsdbError(error, error);
  // any other value but null has no such fields
  const { error: code, details } = error as { error?: unknown; details?: unknown };
  if (typeof code !== 'string') return new OvsdbError('unknown', JSON.stringify(error));
  return new OvsdbError(code, typeof details === 'string' ? `${code}: ${details}` : code);
}
