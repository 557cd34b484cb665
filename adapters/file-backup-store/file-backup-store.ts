// The driver of ports/backup-store.ts on files: in one folder, for each backup a data file and a
// note with its checksum. The note is written last, so a backup with a note is complete.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readFile, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { Fault, Outcome } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';
import type { BackupStore, StoredBackup } from '#ports/backup-store.ts';

const idPattern = /^[A-Za-z0-9_-]{1,128}$/;
const noteSuffix = '.json';
const dataSuffix = '.backup';

export function createFileBackupStore({
  folder,
  name = 'file',
}: {
  folder: string;
  name?: string;
}): BackupStore {
  const pathOf = (id: string, suffix: string): string => {
    if (!idPattern.test(id)) throw new Error(`"${id}" is no id of a backup`);
    return join(folder, id + suffix);
  };
  const remove = async (id: string): Promise<void> => {
    // The note first: without a note the backup does not exist for readers.
    for (const suffix of [noteSuffix, `${noteSuffix}.new`, dataSuffix])
      await rm(pathOf(id, suffix), { force: true });
    await syncFolder(folder);
  };
  const noteOf = async (id: string): Promise<StoredBackup | undefined> => {
    const text = await readFile(pathOf(id, noteSuffix), 'utf8').catch(
      (error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return undefined;
        throw error;
      },
    );
    return text === undefined ? undefined : (JSON.parse(text) as StoredBackup); // written below
  };
  return {
    name,
    write: async (id, source, { stallMs }) =>
      await reached(async () => {
        await mkdir(folder, { recursive: true });
        await remove(id);
        const result = await copy(source, pathOf(id, dataSuffix), stallMs);
        if (result instanceof Error) {
          await remove(id);
          return (
            asFault(result) ??
            fault('badRequest', `The data of backup ${id} broke off: ${result.message}`)
          );
        }
        await writeDurably(pathOf(id, `${noteSuffix}.new`), JSON.stringify(result));
        await rename(pathOf(id, `${noteSuffix}.new`), pathOf(id, noteSuffix));
        await syncFolder(folder);
        return result;
      }),
    read: async (id, path) =>
      await reached(async () => {
        const note = await noteOf(id);
        if (!note) return fault('notFound', `There is no backup ${id}.`);
        const copied = await copy(createReadStream(pathOf(id, dataSuffix)), path, undefined);
        if (copied instanceof Error) {
          await rm(path, { force: true });
          return (
            asFault(copied) ??
            fault('unavailable', `Backup ${id} cannot be read: ${copied.message}`)
          );
        }
        if (copied.sha256 === note.sha256) return copied;
        await rm(path, { force: true });
        return fault(
          'conflict',
          `The data of backup ${id} is not what was written: its checksum differs.`,
        );
      }),
    remove: async (id) =>
      await reached(async () => {
        await mkdir(folder, { recursive: true });
        return await remove(id);
      }),
    list: async () =>
      await reached(async () => {
        await mkdir(folder, { recursive: true });
        return (await readdir(folder))
          .filter((file) => file.endsWith(noteSuffix))
          .map((file) => file.slice(0, -noteSuffix.length))
          .sort();
      }),
  };
}

const asFault = (error: NodeJS.ErrnoException): Fault | undefined =>
  error.code === 'ENOSPC' || error.code === 'EDQUOT'
    ? fault('overQuota', 'There is not enough room in the backup store.')
    : undefined;

/**
 * Runs `work` and turns errors of the folder into faults: overQuota for a full disk, else
 * unavailable. An unreachable folder is no bug.
 */
async function reached<T>(work: () => Promise<Outcome<T>>): Promise<Outcome<T>> {
  try {
    return await work();
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    if (
      !['EACCES', 'EIO', 'ENOENT', 'ENOSPC', 'ENOTDIR', 'EROFS', 'ESTALE', 'ETIMEDOUT'].includes(
        code,
      )
    )
      throw error;
    return (
      asFault(error as NodeJS.ErrnoException) ??
      fault('unavailable', `The backup store cannot be reached: ${code}.`)
    );
  }
}

/**
 * Copies the source to a new file, which is durable when this resolves. Returns an error of the
 * source or the disk. `stallMs`: how long the source may send nothing.
 */
async function copy(
  source: Readable,
  path: string,
  stallMs: number | undefined,
): Promise<StoredBackup | Error> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  const timer =
    stallMs === undefined
      ? undefined
      : setTimeout(
          () => source.destroy(new Error(`no data came for ${stallMs / 1000} s`)),
          stallMs,
        );
  const file = await open(path, 'w', 0o640);
  try {
    for await (const chunk of source as AsyncIterable<Buffer>) {
      timer?.refresh();
      hash.update(chunk);
      for (let at = 0; at < chunk.length;)
        at += (await file.write(chunk, at, chunk.length - at)).bytesWritten;
      sizeBytes += chunk.length;
    }
    await file.sync();
    return { sizeBytes, sha256: hash.digest('hex') };
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  } finally {
    clearTimeout(timer);
    source.destroy();
    await file.close();
  }
}

async function writeDurably(path: string, text: string): Promise<void> {
  const file = await open(path, 'w', 0o640);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Flushes the folder: only then are created and renamed files durable. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
