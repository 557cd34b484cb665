// The driver of ports/image-store.ts on files in one folder: `<key>` holds complete data,
// `<key>.part` is being written or was left by a dead process.
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { ImageStore, StoredFile } from '#ports/image-store.ts';
import { createHashThreads } from './hash-threads.ts';
import { sendingItself } from './send-file.ts';
import { writeFile } from './write-file.ts';

export interface FileImageStoreOptions {
  /**
   * Created at the first write if missing. Rename must be atomic there, as on any local disk or
   * NFS.
   */
  folder: string;
  /** Size of the chunks in which data is read; default 1 MiB. */
  readChunkBytes?: number;
  /** The hash threads end after this time without an upload; default 10 s. */
  hashIdleMs?: number;
}

const part = '.part';

export function createFileImageStore(options: FileImageStoreOptions): ImageStore {
  const { folder, readChunkBytes = 1024 * 1024, hashIdleMs = 10_000 } = options;
  const threads = createHashThreads(hashIdleMs);
  return {
    async write(key, source, limits) {
      const path = pathOf(folder, key);
      await mkdir(folder, { recursive: true });
      try {
        const stored = await writeFile(path + part, source, limits, threads);
        if (isFault(stored)) return stored;
        const isRenamed = await rename(path + part, path).then(() => true, unlessMissing);
        if (!isRenamed)
          return fault('gone', `The data under ${key} was removed while it was written.`);
        await syncFolder(folder);
        return stored;
      } finally {
        await rm(path + part, { force: true });
      }
    },
    async read(key, range) {
      const file = await open(pathOf(folder, key)).catch(unlessMissing);
      if (!file) return fault('notFound', `There is no data under ${key}.`);
      const stream = file.createReadStream({
        highWaterMark: readChunkBytes,
        ...(range && { start: range.first, end: range.last }),
      });
      return sendingItself(
        stream,
        file,
        range?.first ?? 0,
        range?.last ?? (await file.stat()).size - 1,
      );
    },
    async remove(key) {
      const path = pathOf(folder, key);
      await rm(path, { force: true });
      await rm(path + part, { force: true });
    },
    async list() {
      const names = (await readdir(folder).catch(unlessMissing)) ?? [];
      const files = await Promise.all(
        names.map(async (name): Promise<StoredFile | undefined> => {
          // The file may be removed meanwhile.
          const facts = await stat(join(folder, name)).catch(unlessMissing);
          const whole = !name.endsWith(part);
          return facts?.isFile()
            ? { key: whole ? name : name.slice(0, -part.length), sizeBytes: facts.size, whole }
            : undefined;
        }),
      );
      return files.filter((file) => file !== undefined);
    },
    close: async () => await threads.close(),
  };
}

function pathOf(folder: string, key: string): string {
  if (!/^[A-Za-z0-9_-]{1,128}$/.test(key)) throw new Error(`"${key}" is no key of an image store`);
  return join(folder, key);
}

function unlessMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}

/** Flushes the folder, so that a renamed file survives a power failure. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
