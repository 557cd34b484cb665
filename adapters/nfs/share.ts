// One NFS share, accessed by file names: stays connected, and mounts again when the connection is
// lost or the server rejects our file handles as stale.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';
import type { FileAttributes } from './nfs3.ts';
import { Nfs3, NfsError, nfsStatus } from './nfs3.ts';
import type { Handle } from './nfs3.ts';
import { RpcRefused, RpcTimeout, RpcUnavailable } from './onc-rpc.ts';

export interface ShareAddress {
  server: string;
  /** The exported path, e.g. `/vol`. */
  path: string;
}

/**
 * The calls on the share. Faults of every call: unavailable (the server does not answer, there is
 * no such share, or we may not use it), overQuota (no space left), timeout. Names are plain file
 * names in the share's root. Safe to repeat.
 */
export interface NfsShare {
  /** The file's attributes. notFound. */
  stat(name: string): Promise<Outcome<FileAttributes>>;
  list(): Promise<Outcome<Map<string, FileAttributes | null>>>;
  /** The file's text. notFound. */
  readText(name: string): Promise<Outcome<string>>;
  /**
   * Writes a file atomically, and durably when it resolves. An interrupted call leaves
   * `.<name>.….tmp`.
   */
  writeText(name: string, text: string): Promise<Outcome<void>>;
  /**
   * Renames a file. notFound: neither `from` nor `to` exists. If only `to` exists, an earlier call
   * has renamed it: success.
   */
  rename(from: string, to: string): Promise<Outcome<void>>;
  /** Removes a file. Does nothing if it does not exist. */
  remove(name: string): Promise<Outcome<void>>;
  space(): Promise<Outcome<{ totalBytes: number; freeBytes: number }>>;
  close(): void;
}

const maxTextBytes = 1024 * 1024;
/** A call on a dead connection or with a stale handle is repeated once, after a new mount. */
const attempts = 2;
/**
 * After a timeout, calls fail at once for this long, or until the server answers again: otherwise
 * each of them would wait for its whole deadline.
 */
const silenceMs = 30_000;
/** Deadline of the attempts to mount, during that time, that notice the server's return. */
const lookTimeoutMs = 2_000;

export function openShare(
  { server, path }: ShareAddress,
  { timeoutMs = 10_000 }: { timeoutMs?: number } = {},
): NfsShare {
  let mounted: Promise<Nfs3> | undefined;
  let serial = 0;
  let silentUntilMs = 0;
  let looking: Promise<void> | undefined;

  const mount = async (): Promise<Nfs3> => {
    const current = await mounted?.catch(() => undefined);
    if (current && !current.closed && mounted) return await mounted;
    return await (mounted = Nfs3.mount(server, path, timeoutMs));
  };
  const forget = async (): Promise<void> => {
    const old = mounted;
    mounted = undefined;
    await old?.then(
      (nfs) => nfs.close(),
      () => undefined,
    );
  };

  /** Tries to reconnect in the background, one attempt at a time. */
  const lookForIt = (): void => {
    looking ??= Nfs3.mount(server, path, lookTimeoutMs)
      .then(
        (nfs) => {
          // The share was closed, or another call has reached the server meanwhile.
          if (silentUntilMs === 0) return nfs.close();
          mounted = Promise.resolve(nfs);
          silentUntilMs = 0;
        },
        () => undefined,
      )
      .finally(() => {
        looking = undefined;
      });
  };

  async function withShare<T>(work: (nfs: Nfs3) => Promise<T>): Promise<Outcome<T>> {
    if (performance.now() < silentUntilMs) {
      lookForIt();
      return fault('unavailable', `the share ${server}:${path} did not answer a moment ago`);
    }
    for (let attempt = 1; ; attempt += 1) {
      try {
        const result = await work(await mount());
        silentUntilMs = 0;
        return result;
      } catch (error) {
        const again =
          error instanceof RpcUnavailable ||
          (error instanceof NfsError &&
            (error.status === nfsStatus.stale || error.status === nfsStatus.badHandle));
        if (again) await forget();
        if (error instanceof RpcTimeout) silentUntilMs = performance.now() + silenceMs;
        if (!again || error instanceof RpcTimeout || attempt === attempts) return faultOf(error);
      }
    }
  }

  function faultOf(error: unknown): ReturnType<typeof fault> {
    const share = `${server}:${path}`;
    if (error instanceof NfsError) {
      if (error.status === nfsStatus.noEntry)
        return fault('notFound', `${share}: ${error.message}`);
      if (error.status === nfsStatus.noSpace || error.status === nfsStatus.quota)
        return fault('overQuota', `the share ${share} is full`);
      return fault('unavailable', `${share}: ${error.message}`);
    }
    if (error instanceof RpcUnavailable || error instanceof RpcRefused)
      return fault('unavailable', `the share ${share} does not answer: ${error.message}`);
    throw error;
  }

  const readAll = async (nfs: Nfs3, handle: Handle): Promise<string> => {
    const parts: Buffer[] = [];
    for (let size = 0; size < maxTextBytes;) {
      const part = await nfs.read(handle, size, 65_536);
      if (part.length === 0) break;
      parts.push(part);
      size += part.length;
    }
    return Buffer.concat(parts).toString('utf8');
  };

  return {
    stat: async (name) =>
      await withShare(async (nfs) => await nfs.getAttributes(await nfs.lookUp(nfs.root, name))),
    list: async () => await withShare(async (nfs) => await nfs.list(nfs.root)),
    readText: async (name) =>
      await withShare(async (nfs) => await readAll(nfs, await nfs.lookUp(nfs.root, name))),
    writeText: async (name, text) =>
      await withShare(async (nfs) => {
        const temporary = `.${name}.${process.pid}.${serial++}.tmp`;
        try {
          await nfs.write(await nfs.create(nfs.root, temporary, 0o600), 0, Buffer.from(text));
          await nfs.rename(nfs.root, temporary, name);
        } catch (error) {
          if (error instanceof NfsError)
            // The first fault is what is reported; on a full share the removal may fail too.
            await nfs.remove(nfs.root, temporary).catch(() => undefined);
          throw error;
        }
      }),
    rename: async (from, to) =>
      await withShare(async (nfs) => {
        try {
          await nfs.rename(nfs.root, from, to);
        } catch (error) {
          if (!(error instanceof NfsError && error.status === nfsStatus.noEntry)) throw error;
          await nfs.lookUp(nfs.root, to);
        }
      }),
    remove: async (name) =>
      await withShare(async (nfs) => {
        await nfs.remove(nfs.root, name).catch((error: unknown) => {
          if (!(error instanceof NfsError && error.status === nfsStatus.noEntry)) throw error;
        });
      }),
    space: async () => await withShare(async (nfs) => await nfs.fileSystem()),
    close: () => {
      silentUntilMs = 0;
      void forget();
    },
  };
}
