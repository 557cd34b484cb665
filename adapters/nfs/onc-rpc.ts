// A client of ONC RPC over TCP (RFC 5531): one connection, parallel calls, each with a deadline.
// nfs3.ts and nlm4.ts make their calls with it; their users handle its errors.
import net from 'node:net';
import { bytes, encode, string, struct, uint, array, XdrReader } from '#platform/xdr.ts';
import type { Codec } from '#platform/xdr.ts';

/**
 * The connection ended, could not be opened, or there was no answer in time: whether the server
 * executed the call is unknown.
 */
export class RpcUnavailable extends Error {}
/** There was no answer in time; a retry would probably wait as long again. */
export class RpcTimeout extends RpcUnavailable {}
/** The server refused the call itself: wrong program, version or credentials. */
export class RpcRefused extends Error {}

export interface Procedure {
  program: number;
  version: number;
  number: number;
  name: string;
}

const callMessage = 0;
const authNone = 0;
const authSys = 1;
const lastFragment = 0x8000_0000;
const maxReplyBytes = 4 * 1024 * 1024;
const maxWaiting = 1024;

// AUTH_SYS credentials (RFC 5531, appendix A) with uid 0, since the share is used by this cloud
// only.
const root = encode(
  struct({ stamp: uint, machine: string, uid: uint, gid: uint, gids: array(uint) }),
  { stamp: 0, machine: 'cobalt', uid: 0, gid: 0, gids: [] },
);

interface Waiting {
  settle(reply: XdrReader | Error): void;
}

export class RpcConnection {
  readonly #socket: net.Socket;
  readonly #waiting = new Map<number, Waiting>();
  #received: Buffer = Buffer.alloc(0);
  #fragments: Buffer[] = [];
  #xid = Math.floor(Math.random() * 2 ** 31);
  #closed: Error | undefined;
  readonly #ended = Promise.withResolvers<void>();

  private constructor(socket: net.Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('error', (error) => this.#end(error));
    socket.on('close', () => this.#end(new Error('the server closed the connection')));
  }

  static async open(host: string, port: number, timeoutMs: number): Promise<RpcConnection> {
    return await new Promise((resolve, reject) => {
      const socket = net.connect({ host, port });
      const deadline = setTimeout(
        () => fail(new RpcTimeout(`no connection within ${timeoutMs} ms`)),
        timeoutMs,
      );
      const fail = (cause: Error): void => {
        clearTimeout(deadline);
        socket.destroy();
        reject(
          new (cause instanceof RpcTimeout ? RpcTimeout : RpcUnavailable)(
            `${host}:${port}: ${cause.message}`,
            { cause },
          ),
        );
      };
      socket.once('error', fail);
      socket.once('connect', () => {
        clearTimeout(deadline);
        socket.off('error', fail);
        resolve(new RpcConnection(socket));
      });
    });
  }

  get closed(): boolean {
    return this.#closed !== undefined;
  }

  /** Resolves once the connection has ended, for whatever reason. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /**
   * Makes one call; the returned reader is positioned at the procedure's result. Rejects with
   * RpcUnavailable or RpcRefused.
   */
  async call<A>(
    procedure: Procedure,
    args: Codec<A>,
    value: A,
    timeoutMs: number,
  ): Promise<XdrReader> {
    if (this.#closed) throw new RpcUnavailable(`${procedure.name}: ${this.#closed.message}`);
    if (this.#waiting.size >= maxWaiting)
      throw new RpcUnavailable(`${procedure.name}: ${maxWaiting} calls are waiting already`);
    this.#xid = (this.#xid + 1) >>> 0;
    const xid = this.#xid;
    const words = Buffer.alloc(32);
    [
      xid,
      callMessage,
      2,
      procedure.program,
      procedure.version,
      procedure.number,
      authSys,
      root.length,
    ].forEach((word, index) => words.writeUInt32BE(word, index * 4));
    const body = Buffer.concat([
      words,
      root,
      Buffer.from([0, 0, 0, authNone, 0, 0, 0, 0]),
      encode(args, value),
    ]);
    const mark = Buffer.alloc(4);
    mark.writeUInt32BE((lastFragment | body.length) >>> 0);
    return await new Promise((resolve, reject) => {
      const deadline = setTimeout(
        () => waiting.settle(new RpcTimeout(`${procedure.name}: no answer in ${timeoutMs} ms`)),
        timeoutMs,
      );
      const waiting: Waiting = {
        settle: (reply) => {
          clearTimeout(deadline);
          this.#waiting.delete(xid);
          if (reply instanceof Error) reject(reply);
          else resolve(reply);
        },
      };
      this.#waiting.set(xid, waiting);
      this.#socket.write(Buffer.concat([mark, body]));
    });
  }

  close(): void {
    this.#end(new Error('closed'));
  }

  /**
   * Reassembles messages. Record marking, RFC 5531 section 11: a message is one or more fragments.
   */
  #receive(chunk: Buffer): void {
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
    while (this.#received.length >= 4) {
      const mark = this.#received.readUInt32BE(0);
      const length = mark & 0x7fff_ffff;
      if (length > maxReplyBytes) return this.#end(new Error(`a reply of ${length} bytes`));
      if (this.#received.length < 4 + length) return;
      this.#fragments.push(this.#received.subarray(4, 4 + length));
      this.#received = this.#received.subarray(4 + length);
      if ((mark & lastFragment) === 0) continue;
      const message = Buffer.concat(this.#fragments.splice(0));
      try {
        this.#dispatch(message);
      } catch (cause) {
        return this.#end(new Error('an unreadable reply', { cause }));
      }
    }
  }

  #dispatch(message: Buffer): void {
    const reader = new XdrReader(message);
    const waiting = this.#waiting.get(uint.read(reader));
    if (!waiting || uint.read(reader) !== 1) return; // late, or not a reply
    if (uint.read(reader) !== 0)
      return waiting.settle(
        new RpcRefused('the server denies the call: its version or our credentials'),
      );
    uint.read(reader);
    bytes.read(reader);
    const accepted = uint.read(reader);
    waiting.settle(
      accepted === 0
        ? reader
        : new RpcRefused(`the server does not carry the call out: accept status ${accepted}`),
    );
  }

  #end(cause: Error): void {
    if (this.#closed) return;
    this.#closed = cause;
    this.#ended.resolve();
    this.#socket.destroy();
    for (const waiting of this.#waiting.values())
      waiting.settle(new RpcUnavailable(cause.message, { cause }));
  }
}

const portmapper = {
  host: 111,
  getPort: { program: 100_000, version: 2, number: 3, name: 'GETPORT' },
} as const;

/**
 * The TCP port of a program, by the portmapper (RFC 1833). RpcUnavailable: the program is not
 * registered, or there is no portmapper.
 */
export async function portOf(
  host: string,
  program: number,
  version: number,
  timeoutMs: number,
): Promise<number> {
  const connection = await RpcConnection.open(host, portmapper.host, timeoutMs);
  try {
    const mapping = struct({ program: uint, version: uint, protocol: uint, port: uint });
    const port = uint.read(
      await connection.call(
        portmapper.getPort,
        mapping,
        { program, version, protocol: 6, port: 0 },
        timeoutMs,
      ),
    );
    if (port === 0)
      throw new RpcUnavailable(`${host} does not serve program ${program} version ${version}`);
    return port;
  } finally {
    connection.close();
  }
}
