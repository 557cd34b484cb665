// One connection to an OVSDB server: runs calls in parallel, delivers notifications, answers and
// sends echoes, detects a dead peer. `client.ts` keeps one of these alive; use that unless you want
// a single connection.
import { SocketCalls } from '#platform/socket-calls.ts';
import type { CallBounds } from '#platform/socket-calls.ts';
import { OvsdbDisconnected, OvsdbError, OvsdbTimeout } from './errors.ts';
import { JsonSplitter } from './json-stream.ts';
import { connectTo } from './remote.ts';

export interface ConnectionOptions extends CallBounds {
  remote: string;
  /** A longer message ends the connection. The first answer of a monitor contains all its rows. */
  maxMessageBytes: number;
  /**
   * After this time without a message from the server, an echo is sent; after the same time again,
   * the server counts as dead.
   */
  keepaliveIntervalMs: number;
}

export interface ConnectionListeners {
  /** Called with each notification: `update3`, `locked`, `stolen` ... Must not throw. */
  notification(method: string, params: readonly unknown[]): void;
  closed(cause: Error): void;
}

export interface CallOptions {
  timeoutMs: number;
  /**
   * Cancels the call at the server: it fails with "canceled" unless its answer was sent already. (A
   * clustered database may still commit it.)
   */
  signal?: AbortSignal | undefined;
  /** Called with the answer at once, before any notification that follows it. */
  onAnswer?: ((result: unknown) => void) | undefined;
}

export class OvsdbConnection {
  readonly #options: ConnectionOptions;
  readonly #listeners: ConnectionListeners;
  readonly #calls: SocketCalls<{ result: unknown }>;
  readonly #splitter: JsonSplitter;
  #lastId = 0;
  #heardAt = performance.now();

  private constructor(options: ConnectionOptions, listeners: ConnectionListeners) {
    this.#options = options;
    this.#listeners = listeners;
    this.#splitter = new JsonSplitter(options.maxMessageBytes);
    this.#calls = new SocketCalls(connectTo(options.remote), options, {
      name: 'server',
      received: (chunk) => this.#receive(chunk),
      disconnected: (cause) => new OvsdbDisconnected(cause.message, { cause }),
      closed: (cause) => listeners.closed(cause),
    });
  }

  /** Connects and waits for one echo, to recognise a listener that is not an OVSDB server. */
  static async open(
    options: ConnectionOptions,
    listeners: ConnectionListeners,
    timeoutMs: number,
  ): Promise<OvsdbConnection> {
    const connection = new OvsdbConnection(options, listeners);
    try {
      await connection.call('echo', [], { timeoutMs });
      connection.#startKeepalive();
      return connection;
    } catch (error) {
      connection.#calls.close(error as Error); // everything thrown above is an Error
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
    { timeoutMs, signal, onAnswer: taken }: CallOptions,
  ): Promise<unknown> {
    const refusal = this.#calls.refusal('OVSDB');
    if (refusal !== undefined) return Promise.reject(new OvsdbDisconnected(refusal));
    if (signal?.aborted)
      return Promise.reject(new OvsdbError('canceled', `${method}: canceled before it was sent`));
    const id = (this.#lastId += 1);
    return new Promise((resolve, reject) => {
      const canceled = () => {
        if (!this.#calls.isSent(id))
          return this.#calls.end(
            id,
            new OvsdbError('canceled', `${method}: canceled before it was sent`),
          );
        this.#notify('cancel', [id]);
        // RFC 7047, 4.1.4 promises the error "canceled", but ovsdb-server 3.1 cancels without an
        // answer. It answers in order, so the answer to an echo shows that the call was canceled.
        this.call('echo', [], { timeoutMs }).then(
          () => this.#calls.end(id, new OvsdbError('canceled', `${method}: canceled`)),
          () => undefined,
        );
      };
      signal?.addEventListener('abort', canceled);
      this.#calls.start({
        id,
        message: JSON.stringify({ method, params, id }),
        timeoutMs,
        expired: (sent) => {
          if (sent) this.#notify('cancel', [id]);
          return new OvsdbTimeout(`${method}: no answer in ${Math.round(timeoutMs)} ms`);
        },
        ended: (reply) => {
          signal?.removeEventListener('abort', canceled);
          if (reply instanceof Error) return reject(reply);
          try {
            taken?.(reply.result);
            resolve(reply.result);
          } catch (error) {
            reject(new Error(`answer to ${method}`, { cause: error }));
          }
        },
      });
    });
  }

  close(): void {
    this.#calls.close(new Error('closed'));
  }

  #notify(method: string, params: readonly unknown[]): void {
    this.#calls.write(JSON.stringify({ method, params, id: null }));
  }

  #receive(chunk: Buffer): void {
    this.#heardAt = performance.now(); // any message from the server proves that it is alive
    let messages: unknown[];
    try {
      messages = this.#splitter.push(chunk);
    } catch (error) {
      return this.#calls.close(
        new Error(`unreadable message from OVSDB: ${(error as Error).message}`, { cause: error }),
      );
    }
    // the splitter returns only objects
    for (const message of messages) this.#dispatch(message as Record<string, unknown>);
  }

  #dispatch({ method, params, id, result, error }: Record<string, unknown>): void {
    if (typeof method === 'string') {
      if (method === 'echo') this.#calls.write(JSON.stringify({ id, result: params, error: null }));
      else this.#listeners.notification(method, Array.isArray(params) ? params : []);
    } else if (typeof id === 'number') {
      this.#calls.answer(id, error == null ? { result } : errorOf(error));
    }
  }

  #startKeepalive(): void {
    const intervalMs = this.#options.keepaliveIntervalMs;
    this.#calls.repeat(intervalMs / 2, () => {
      const silentMs = performance.now() - this.#heardAt;
      if (silentMs >= 2 * intervalMs)
        this.#calls.close(new Error(`not a word in ${Math.round(silentMs)} ms`));
      else if (silentMs >= intervalMs)
        // without an answer, the next check ends the connection
        this.call('echo', [], { timeoutMs: intervalMs }).catch(() => undefined);
    });
  }
}

/**
 * The error of an answer: ovsdb-server sends `{error, details}`, or a single word such as
 * "canceled".
 */
function errorOf(error: unknown): OvsdbError {
  if (typeof error === 'string') return new OvsdbError(error, error);
  // A value of another type than an object simply has no such fields.
  const { error: code, details } = error as { error?: unknown; details?: unknown };
  if (typeof code !== 'string') return new OvsdbError('unknown', JSON.stringify(error));
  return new OvsdbError(code, typeof details === 'string' ? `${code}: ${details}` : code);
}
