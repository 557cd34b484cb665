// One connection to a libvirt daemon: opens it, runs calls in parallel, delivers event messages,
// detects a dead peer. `client.ts` keeps one of these alive; use that unless you want a single
// connection.
import net from 'node:net';
import { SocketCalls } from '#platform/socket-calls.ts';
import type { CallBounds } from '#platform/socket-calls.ts';
import { decode, encode } from '#platform/xdr.ts';
import { LibvirtDisconnected, LibvirtError, LibvirtTimeout } from './errors.ts';
import { FEATURE_PROGRAM_KEEPALIVE } from './flags.ts';
import { encodeFrame, FrameSplitter, STATUS, TYPE, type Frame } from './frames.ts';
import {
  errorBody,
  KEEPALIVE_PROGRAM,
  remote,
  REMOTE_PROGRAM,
  type Procedure,
} from './protocol.ts';

const PING = 1;
const PONG = 2;
const EMPTY = Buffer.alloc(0);

/**
 * How a connection is opened and bounded. libvirtd itself stops reading after its
 * max_client_requests: `maxInFlight` is below it.
 */
export interface ConnectionOptions extends CallBounds {
  socketPath: string;
  uri: string; // 'qemu:///system'
  keepaliveIntervalMs: number;
  /** After this many unanswered pings the peer counts as dead. */
  keepaliveCount: number;
}

export interface ConnectionListeners {
  /** An event message of the remote program. Must not throw. */
  message(procedure: number, body: Buffer): void;
  closed(cause: Error): void;
}

export class LibvirtConnection {
  readonly #options: ConnectionOptions;
  readonly #listeners: ConnectionListeners;
  readonly #calls: SocketCalls<Buffer>;
  readonly #splitter = new FrameSplitter();
  #serial = 0;
  #unansweredPings = 0;

  private constructor(options: ConnectionOptions, listeners: ConnectionListeners) {
    this.#options = options;
    this.#listeners = listeners;
    this.#calls = new SocketCalls(net.connect(options.socketPath), options, {
      name: 'daemon',
      received: (chunk) => this.#receive(chunk),
      disconnected: (cause) => new LibvirtDisconnected(cause.message, { cause }),
      closed: (cause) => listeners.closed(cause),
    });
  }

  /**
   * Connects, authenticates (the only method used on a Unix socket is `none`), opens `uri`, offers
   * keepalive.
   */
  static async open(
    options: ConnectionOptions,
    listeners: ConnectionListeners,
    timeoutMs: number,
  ): Promise<LibvirtConnection> {
    const deadlineAt = performance.now() + timeoutMs;
    const remainingMs = () => Math.max(1, deadlineAt - performance.now());
    const connection = new LibvirtConnection(options, listeners);
    try {
      const auth = await connection.call(remote.authList, undefined, remainingMs());
      if (!auth.types.includes(0))
        throw new LibvirtDisconnected(
          `libvirt wants authentication (types ${auth.types.join(', ')}); only "none" is supported`,
        );
      await connection.call(remote.connectOpen, { name: options.uri, flags: 0 }, remainingMs());
      const keepalive = await connection.call(
        remote.connectSupportsFeature,
        { feature: FEATURE_PROGRAM_KEEPALIVE },
        remainingMs(),
      );
      if (keepalive.supported !== 0) connection.#startKeepalive();
      return connection;
    } catch (error) {
      connection.#calls.close(error as Error); // everything thrown above is an Error
      throw error;
    }
  }

  /**
   * One call. Rejects with LibvirtError (libvirt refused), LibvirtTimeout, or LibvirtDisconnected
   * (no connection, or too many calls wait); with a plain Error where the reply cannot be decoded.
   * After a timeout libvirt may still carry the call out; its reply is dropped.
   */
  call<A, R>(procedure: Procedure<A, R>, args: A, timeoutMs: number): Promise<R> {
    const refusal = this.#calls.refusal('libvirt');
    if (refusal !== undefined) return Promise.reject(new LibvirtDisconnected(refusal));
    this.#serial = (this.#serial + 1) >>> 0;
    const serial = this.#serial;
    const message = encodeFrame({
      program: procedure.program,
      procedure: procedure.number,
      type: TYPE.call,
      serial,
      status: STATUS.ok,
      body: encode(procedure.args, args),
    });
    return new Promise((resolve, reject) => {
      this.#calls.start({
        id: serial,
        message,
        timeoutMs,
        expired: () =>
          new LibvirtTimeout(`${procedure.name}: no answer in ${Math.round(timeoutMs)} ms`),
        ended: (reply) => {
          if (reply instanceof Error) return reject(reply);
          try {
            resolve(decode(procedure.result, reply));
          } catch (error) {
            reject(new Error(`reply to ${procedure.name}`, { cause: error }));
          }
        },
      });
    });
  }

  close(): void {
    this.#calls.close(new Error('closed'));
  }

  #receive(chunk: Buffer): void {
    this.#unansweredPings = 0; // any message from the daemon proves that it is alive
    try {
      for (const frame of this.#splitter.push(chunk)) this.#dispatch(frame);
    } catch (error) {
      this.#calls.close(new Error('unreadable message from libvirt', { cause: error }));
    }
  }

  #dispatch(frame: Frame): void {
    if (frame.program === KEEPALIVE_PROGRAM) {
      if (frame.procedure === PING) this.#sendKeepalive(PONG);
    } else if (frame.type === TYPE.message && frame.program === REMOTE_PROGRAM) {
      this.#listeners.message(frame.procedure, frame.body);
    } else if (frame.type === TYPE.reply) {
      this.#calls.answer(
        frame.serial,
        frame.status === STATUS.error ? errorOf(frame.body) : frame.body,
      );
    }
  }

  #startKeepalive(): void {
    this.#calls.repeat(this.#options.keepaliveIntervalMs, () => {
      if (this.#unansweredPings >= this.#options.keepaliveCount)
        return this.#calls.close(
          new Error(`no answer to ${this.#unansweredPings} keepalive pings`),
        );
      this.#unansweredPings += 1;
      this.#sendKeepalive(PING);
    });
  }

  #sendKeepalive(procedure: number): void {
    this.#calls.write(
      encodeFrame({
        program: KEEPALIVE_PROGRAM,
        procedure,
        type: TYPE.message,
        serial: 0,
        status: STATUS.ok,
        body: EMPTY,
      }),
    );
  }
}

function errorOf(body: Buffer): LibvirtError {
  const error = decode(errorBody, body);
  return new LibvirtError(error.code, error.domain, error.message ?? `libvirt error ${error.code}`);
}
