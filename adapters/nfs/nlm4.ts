// A client of the network lock manager's protocol (NLM), version 4: the calls that lock a whole
// image. Layouts: X/Open XNFS (C702) chapter 14, with the 64-bit offsets of RFC 1813 appendix II.
// nlm-image-locks.ts keeps the state of the locks.
import { bytes, nothing, string, struct, uhyper, uint } from '#platform/xdr.ts';
import type { Codec, XdrReader } from '#platform/xdr.ts';
import { portOf, RpcConnection } from './onc-rpc.ts';
import type { Procedure } from './onc-rpc.ts';

/** nlm4_stats, RFC 1813 appendix II. */
export const lockStatus = {
  granted: 0,
  denied: 1,
  noLocks: 2,
  blocked: 3,
  gracePeriod: 4,
  deadlock: 5,
  readOnly: 6,
  stale: 7,
  tooBig: 8,
  failed: 9,
} as const;

/** Identifies a lock's owner: `caller` is the host; the server reports `owner` to other clients. */
export interface LockOwner {
  caller: string;
  owner: string;
}

const program = 100_021;
const nlm = (number: number, name: string): Procedure => ({ program, version: 4, number, name });
const procedures = {
  probe: nlm(0, 'NLM_NULL'),
  test: nlm(1, 'NLM4_TEST'),
  lock: nlm(2, 'NLM4_LOCK'),
  unlock: nlm(4, 'NLM4_UNLOCK'),
} as const;

const lock = struct({
  caller: string,
  handle: bytes,
  owner: bytes,
  process: uint,
  offset: uhyper,
  length: uhyper,
});
const testArguments = struct({ cookie: bytes, exclusive: uint, lock });
const lockArguments = struct({
  cookie: bytes,
  block: uint,
  exclusive: uint,
  lock,
  reclaim: uint,
  state: uint,
});
const unlockArguments = struct({ cookie: bytes, lock });
const holder = struct({
  exclusive: uint,
  process: uint,
  owner: bytes,
  offset: uhyper,
  length: uhyper,
});

/**
 * QEMU locks byte 100 + n of an image for each operation n that it performs (write, resize ...) and
 * 200 + n for each that others may not perform, all as shared locks: qemu 7.2, block/file-posix.c.
 * One exclusive lock over both ranges conflicts with all of them.
 */
const qemuBytes = { offset: 100n, length: 200n };
/** The same for every owner: the owner of a lock here is a guest, not a process. */
const processId = 1;
const cookie = Buffer.from('cobalt');

/** A connection to one server's lock manager. Calls reject with RpcUnavailable or RpcRefused. */
export class LockManager {
  readonly #connection: RpcConnection;
  readonly #timeoutMs: number;

  private constructor(connection: RpcConnection, timeoutMs: number) {
    this.#connection = connection;
    this.#timeoutMs = timeoutMs;
  }

  /**
   * Connects. The lock manager's port changes with each start of the server, so the portmapper is
   * asked each time.
   */
  static async open(host: string, timeoutMs: number): Promise<LockManager> {
    return new LockManager(
      await RpcConnection.open(host, await portOf(host, program, 4, timeoutMs), timeoutMs),
      timeoutMs,
    );
  }

  get ended(): Promise<void> {
    return this.#connection.ended;
  }

  close(): void {
    this.#connection.close();
  }

  async probe(): Promise<void> {
    await this.#connection.call(procedures.probe, nothing, undefined, this.#timeoutMs);
  }

  /**
   * Requests the lock without waiting for its holder; returns a lockStatus. A repeated request by
   * the same owner is granted. `reclaim`: the lock was held before the server died.
   */
  async lock(by: LockOwner, handle: Buffer, { reclaim }: { reclaim: boolean }): Promise<number> {
    const { status } = await this.#call(procedures.lock, lockArguments, {
      cookie,
      block: 0,
      exclusive: 1,
      lock: whole(by, handle),
      reclaim: reclaim ? 1 : 0,
      state: 0,
    });
    return status;
  }

  /** Releases the lock; returns a lockStatus. Also granted if nothing was locked. */
  async unlock(by: LockOwner, handle: Buffer): Promise<number> {
    const { status } = await this.#call(procedures.unlock, unlockArguments, {
      cookie,
      lock: whole(by, handle),
    });
    return status;
  }

  /**
   * The owner whose lock conflicts with a lock by `by`; null: nobody, or a holder without a name
   * (ganesha 4.3: a program that locks the file on the filer itself).
   */
  async holder(by: LockOwner, handle: Buffer): Promise<string | null> {
    const { status, reply } = await this.#call(procedures.test, testArguments, {
      cookie,
      exclusive: 1,
      lock: whole(by, handle),
    });
    return status === lockStatus.denied ? holder.read(reply).owner.toString('utf8') : null;
  }

  async #call<A>(
    procedure: Procedure,
    args: Codec<A>,
    value: A,
  ): Promise<{ status: number; reply: XdrReader }> {
    const reply = await this.#connection.call(procedure, args, value, this.#timeoutMs);
    bytes.read(reply);
    return { status: uint.read(reply), reply };
  }
}

const whole = ({ caller, owner }: LockOwner, handle: Buffer) => ({
  caller,
  handle,
  owner: Buffer.from(owner),
  process: processId,
  ...qemuBytes,
});
