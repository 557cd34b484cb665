// Spool files: temporary files for one piece of work, in a folder that only one process uses. Used
// by roles that copy data between stores.
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from './log.ts';

/**
 * Runs `work` with a file path. A file at the path is removed before and after, so that repeated
 * work finds no leftover.
 */
export async function withSpoolFile<T>(
  folder: string,
  name: string,
  work: (path: string) => Promise<T>,
): Promise<T> {
  const path = join(folder, name);
  await mkdir(folder, { recursive: true });
  await rm(path, { force: true });
  try {
    return await work(path);
  } finally {
    await rm(path, { force: true });
  }
}

/**
 * Removes what an earlier process left behind: all files older than this process, since finished
 * work removes its own. Creates the folder.
 */
export async function emptySpool(folder: string, startedAtMs: number, log: Log): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    // The file may disappear meanwhile: work removes its own file.
    const facts = await stat(path).catch(() => undefined);
    if (!facts || facts.mtimeMs >= startedAtMs) continue;
    await rm(path, { force: true, recursive: true });
    log.info({ path }, 'a file of an earlier process was removed');
  }
}
