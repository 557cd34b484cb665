// One connection to a libvirt daemon: opens it, runs calls in parallel, delivers event messages,
// detects a dead peer. `client.ts` keeps one of these alive; use that unless you want a single
// connection.
import net from 'node:net';
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

export interface ConnectionOptions {
  socketPath: string;
  uri: string; // 'qemu:///system'
  /**
   * Calls beyond this many wait in order; libvirtd itself stops reading after its
   * max_client_requests.
   */
  maxInFlight: number;
  /** Calls beyond this many waiting ones fail at once. */
  maxQueued: number;
  keepaliveIntervalMs: number;
  /** After this many unanswered pings the peer counts as dead. */
  keepaliveCount: number;
}

export interface ConnectionListeners {
  /** An event message of the remote program. Must not throw. */
  message(procedure: number, body: Buffer): void;
  closed(cause: Error): void;
}

interface Call {
  frame: Buffer;
  serial: number;
  settle(reply: Buffer | Error): void;
}

export class LibvirtConnection {
  readonly #options: ConnectionOptions;
  readonly #listeners: ConnectionListeners;
  readonly #socket: net.Socket;
  readonly #splitter = new FrameSplitter();
  readonly #inFlight = new Map<number, Call>();
  readonly #queue: Call[] = [];
  #serial = 0;
  #unansweredPings = 0;
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
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('error', (error) => this.#end(error));
    socket.on('close', () => this.#end(new Error('the daemon closed the connection')));
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
    const socket = net.connect(options.socketPath);
    const connection = new LibvirtConnection(socket, options, listeners);
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
      connection.#end(error as Error); // everything thrown above is an Error
      throw error;
    }
  }

  /**
   * One call. Rejects with LibvirtError, LibvirtTimeout or LibvirtDisconnected. An answer after the
   * deadline is dropped.
   */
  call<A, R>(procedure: Procedure<A, R>, args: A, timeoutMs: number): Promise<R> {
    if (this.#closed) return Promise.reject(new LibvirtDisconnected(this.#closed.message));
    if (this.#queue.length >= this.#options.maxQueued)
      return Promise.reject(
        new LibvirtDisconnected(`${this.#queue.length} libvirt calls are waiting already`),
      );
    this.#serial = (this.#serial + 1) >>> 0;
    const serial = this.#serial;
    const frame = encodeFrame({
      program: procedure.program,
      procedure: procedure.number,
      type: TYPE.call,
      serial,
      status: STATUS.ok,
      body: encode(procedure.args, args),
    });
    return new Promise((resolve, reject) => {
      const deadline = setTimeout(
        () =>
          call.settle(
            new LibvirtTimeout(`${procedure.name}: no answer in ${Math.round(timeoutMs)} ms`),
          ),
        timeoutMs,
      );
      const call: Call = {
        frame,
        serial,
        settle: (reply) => {
          clearTimeout(deadline);
          this.#forget(call);
          if (reply instanceof Error) return reject(reply);
          try {
            resolve(decode(procedure.result, reply));
          } catch (error) {
            reject(new Error(`reply to ${procedure.name}`, { cause: error }));
          }
        },
      };
      this.#queue.push(call);
      this.#sendQueued();
    });
  }

  close(): void {
    this.#end(new Error('closed'));
  }

  #forget(call: Call): void {
    this.#inFlight.delete(call.serial);
    const queued = this.#queue.indexOf(call);
    if (queued >= 0) this.#queue.splice(queued, 1);
    if (!this.#closed) this.#sendQueued();
  }

  #sendQueued(): void {
    while (this.#inFlight.size < this.#options.maxInFlight) {
      const call = this.#queue.shift();
      if (!call) return;
      this.#inFlight.set(call.serial, call);
      this.#socket.write(call.frame);
    }
  }

  #receive(chunk: Buffer): void {
    this.#unansweredPings = 0; // any message from the daemon proves that it is alive
    try {
      for (const frame of this.#splitter.push(chunk)) this.#dispatch(frame);
    } catch (error) {
      this.#end(new Error('unreadable message from libvirt', { cause: error }));
    }
  }

  #dispatch(frame: Frame): void {
    if (frame.program === KEEPALIVE_PROGRAM) {
      if (frame.procedure === PING) this.#sendKeepalive(PONG);
    } else if (frame.type === TYPE.message && frame.program === REMOTE_PROGRAM) {
      this.#listeners.message(frame.procedure, frame.body);
    } else if (frame.type === TYPE.reply) {
      this.#inFlight
        .get(frame.serial)
        ?.settle(frame.status === STATUS.error ? errorOf(frame.body) : frame.body);
    }
  }

  #startKeepalive(): void {
    this.#keepalive = setInterval(() => {
      if (this.#unansweredPings >= this.#options.keepaliveCount)
        return this.#end(new Error(`no answer to ${this.#unansweredPings} keepalive pings`));
      this.#unansweredPings += 1;
      this.#sendKeepalive(PING);
    }, this.#options.keepaliveIntervalMs);
    this.#keepalive.unref();
  }

  #sendKeepalive(procedure: number): void {
    this.#socket.write(
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

  #end(cause: Error): void {
    if (this.#closed) return;
    this.#closed = cause;
    clearInterval(this.#keepalive);
    this.#socket.destroy();
    for (const call of [...this.#inFlight.values(), ...this.#queue])
      call.settle(new LibvirtDisconnected(cause.message, { cause }));
    this.#listeners.closed(cause);
  }
}

function errorOf(body: Buffer): LibvirtError {
  const error = decode(errorBody, body);
  return new LibvirtError(error.code, error.domain, error.message ?? `libvirt error ${error.code}`);
}
