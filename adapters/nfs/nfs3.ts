// A typed client of the calls of NFS version 3 (RFC 1813) and of its mount protocol that a share
// needs. share.ts keeps the connection and resolves names.
import { bytes, optional, string, struct, uhyper, uint } from '#platform/xdr.ts';
import type { Codec, XdrReader } from '#platform/xdr.ts';
import { portOf, RpcConnection } from './onc-rpc.ts';
import type { Procedure } from './onc-rpc.ts';

/** nfsstat3, RFC 1813 section 2.6. */
export const nfsStatus = {
  ok: 0,
  perm: 1,
  noEntry: 2,
  io: 5,
  access: 13,
  exists: 17,
  isDirectory: 21,
  noSpace: 28,
  readOnly: 30,
  nameTooLong: 63,
  notEmpty: 66,
  quota: 69,
  stale: 70,
  badHandle: 10_001,
  serverFault: 10_006,
  tryLater: 10_008,
} as const;

/** The server answered the call with an error status. */
export class NfsError extends Error {
  readonly status: number;
  constructor(call: string, status: number) {
    const name =
      Object.entries(nfsStatus).find(([, number]) => number === status)?.[0] ?? String(status);
    super(`${call}: ${name}`);
    this.status = status;
  }
}

export type Handle = Buffer;

export interface FileAttributes {
  kind: 'file' | 'folder' | 'other';
  sizeBytes: number;
  /** Bytes used on disk. */
  usedBytes: number;
  modifiedAtMs: number;
}

const programs = { nfs: 100_003, mount: 100_005 } as const;
const nfs = (number: number, name: string): Procedure => ({
  program: programs.nfs,
  version: 3,
  number,
  name,
});
const procedures = {
  getAttributes: nfs(1, 'GETATTR'),
  lookUp: nfs(3, 'LOOKUP'),
  read: nfs(6, 'READ'),
  write: nfs(7, 'WRITE'),
  create: nfs(8, 'CREATE'),
  remove: nfs(12, 'REMOVE'),
  rename: nfs(14, 'RENAME'),
  readFolder: nfs(17, 'READDIRPLUS'),
  fileSystem: nfs(18, 'FSSTAT'),
  mount: { program: programs.mount, version: 3, number: 1, name: 'MNT' },
} as const;

const time = struct({ seconds: uint, nanoseconds: uint });
const attributes = struct({
  type: uint,
  mode: uint,
  links: uint,
  uid: uint,
  gid: uint,
  size: uhyper,
  used: uhyper,
  rdev1: uint,
  rdev2: uint,
  fsid: uhyper,
  fileid: uhyper,
  atime: time,
  mtime: time,
  ctime: time,
});
const maybeAttributes = optional(attributes);
const before = optional(struct({ size: uhyper, mtime: time, ctime: time }));
const inFolder = struct({ folder: bytes, name: string });
const kinds: Readonly<Record<number, FileAttributes['kind']>> = { 1: 'file', 2: 'folder' };

type RawAttributes = ReturnType<typeof attributes.read>;
const readable = ({ type, size, used, mtime }: RawAttributes): FileAttributes => ({
  kind: kinds[type] ?? 'other',
  sizeBytes: Number(size),
  usedBytes: Number(used),
  modifiedAtMs: mtime.seconds * 1000 + Math.floor(mtime.nanoseconds / 1e6),
});

/** FILE_SYNC, a mode of WRITE: the data are on disk when the call is answered. */
const fileSync = 2;
/** UNCHECKED, a mode of CREATE: replaces an existing file. */
const unchecked = 0;
/** Limit on the bytes of names and cookies in one answer of READDIRPLUS. */
const folderPageBytes = 64 * 1024;

/** One connection to one export. Calls reject with NfsError, RpcUnavailable or RpcRefused. */
export class Nfs3 {
  readonly #connection: RpcConnection;
  readonly #timeoutMs: number;
  readonly root: Handle;

  private constructor(connection: RpcConnection, root: Handle, timeoutMs: number) {
    this.#connection = connection;
    this.root = root;
    this.#timeoutMs = timeoutMs;
  }

  /**
   * Asks the portmapper for ports, mounts `path`, connects. NfsError noEntry or access: there is no
   * such export, or this client may not use it.
   */
  static async mount(host: string, path: string, timeoutMs: number): Promise<Nfs3> {
    const mounting = await RpcConnection.open(
      host,
      await portOf(host, programs.mount, 3, timeoutMs),
      timeoutMs,
    );
    let root: Handle;
    try {
      const reply = await mounting.call(procedures.mount, string, path, timeoutMs);
      const status = uint.read(reply);
      if (status !== 0) throw new NfsError(`MNT ${path}`, status);
      root = bytes.read(reply);
    } finally {
      mounting.close();
    }
    return new Nfs3(
      await RpcConnection.open(host, await portOf(host, programs.nfs, 3, timeoutMs), timeoutMs),
      root,
      timeoutMs,
    );
  }

  get closed(): boolean {
    return this.#connection.closed;
  }

  close(): void {
    this.#connection.close();
  }

  async #call<A>(procedure: Procedure, args: Codec<A>, value: A): Promise<XdrReader> {
    const reply = await this.#connection.call(procedure, args, value, this.#timeoutMs);
    const status = uint.read(reply);
    if (status !== nfsStatus.ok) throw new NfsError(procedure.name, status);
    return reply;
  }

  async lookUp(folder: Handle, name: string): Promise<Handle> {
    return bytes.read(await this.#call(procedures.lookUp, inFolder, { folder, name }));
  }

  async getAttributes(handle: Handle): Promise<FileAttributes> {
    return readable(attributes.read(await this.#call(procedures.getAttributes, bytes, handle)));
  }

  /** Reads up to 1 MiB from `offset`; returns an empty buffer at the end of the file. */
  async read(handle: Handle, offset: number, count: number): Promise<Buffer> {
    const reply = await this.#call(
      procedures.read,
      struct({ handle: bytes, offset: uhyper, count: uint }),
      { handle, offset: BigInt(offset), count },
    );
    maybeAttributes.read(reply);
    uint.read(reply);
    uint.read(reply);
    return bytes.read(reply);
  }

  /**
   * Writes all of `data`; they are on disk when this resolves. A loop, since the server may accept
   * less in one call.
   */
  async write(handle: Handle, offset: number, data: Buffer): Promise<void> {
    const args = struct({ handle: bytes, offset: uhyper, count: uint, stable: uint, data: bytes });
    for (let writtenBytes = 0; writtenBytes < data.length;) {
      const rest = data.subarray(writtenBytes, writtenBytes + 1024 * 1024);
      const reply = await this.#call(procedures.write, args, {
        handle,
        offset: BigInt(offset + writtenBytes),
        count: rest.length,
        stable: fileSync,
        data: rest,
      });
      before.read(reply);
      maybeAttributes.read(reply);
      const acceptedBytes = uint.read(reply);
      if (acceptedBytes === 0) throw new NfsError(procedures.write.name, nfsStatus.io);
      writtenBytes += acceptedBytes;
    }
  }

  /** Creates an empty file with `mode`; truncates an existing one. */
  async create(folder: Handle, name: string, mode: number): Promise<Handle> {
    const some = (value: number) => ({ is: 1, value });
    const settable = struct({ is: uint, value: uint });
    const args = struct({
      folder: bytes,
      name: string,
      how: uint,
      mode: settable,
      uid: uint,
      gid: uint,
      sizeIs: uint,
      size: uhyper,
      atime: uint,
      mtime: uint,
    });
    const reply = await this.#call(procedures.create, args, {
      folder,
      name,
      how: unchecked,
      mode: some(mode),
      uid: 0,
      gid: 0,
      sizeIs: 1,
      size: 0n,
      atime: 0,
      mtime: 0,
    });
    return optional(bytes).read(reply) ?? (await this.lookUp(folder, name));
  }

  async remove(folder: Handle, name: string): Promise<void> {
    await this.#call(procedures.remove, inFolder, { folder, name });
  }

  /** Renames a file; atomically replaces an existing file of the new name. */
  async rename(folder: Handle, from: string, to: string): Promise<void> {
    await this.#call(procedures.rename, struct({ from: inFolder, to: inFolder }), {
      from: { folder, name: from },
      to: { folder, name: to },
    });
  }

  async list(folder: Handle): Promise<Map<string, FileAttributes | null>> {
    const args = struct({
      folder: bytes,
      cookie: uhyper,
      verifier1: uint,
      verifier2: uint,
      folderBytes: uint,
      maxBytes: uint,
    });
    const attributesByName = new Map<string, FileAttributes | null>();
    for (let [cookie, verifier1, verifier2, end] = [0n, 0, 0, false]; !end;) {
      const reply = await this.#call(procedures.readFolder, args, {
        folder,
        cookie,
        verifier1,
        verifier2,
        folderBytes: folderPageBytes,
        maxBytes: folderPageBytes * 4,
      });
      maybeAttributes.read(reply);
      [verifier1, verifier2] = [uint.read(reply), uint.read(reply)];
      while (uint.read(reply) === 1) {
        uhyper.read(reply);
        const name = string.read(reply);
        cookie = uhyper.read(reply);
        const attributes = maybeAttributes.read(reply);
        optional(bytes).read(reply);
        if (name !== '.' && name !== '..')
          attributesByName.set(name, attributes && readable(attributes));
      }
      end = uint.read(reply) === 1;
    }
    return attributesByName;
  }

  async fileSystem(): Promise<{ totalBytes: number; freeBytes: number }> {
    const reply = await this.#call(procedures.fileSystem, bytes, this.root);
    maybeAttributes.read(reply);
    const [totalBytes, , freeBytes] = [
      uhyper.read(reply),
      uhyper.read(reply),
      uhyper.read(reply),
    ].map(Number) as [number, number, number]; // cast: exactly three were read
    return { totalBytes, freeBytes };
  }
}
