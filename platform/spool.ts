// Spool files: temporary files for one piece of work, in a folder that only one process uses.
// Called by roles that copy bytes between stores.
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from './log.ts';

/**
 * Runs `work` with a path; a file there is removed before and afterwards, so that repeated work
 * finds no leftover.
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
 * Removes files that are older than this process: work removes its own files, so they are left from
 * an earlier process. Creates the folder.
 */
export async function emptySpool(folder: string, startedAtMs: number, log: Log): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    // Work may remove its own file meanwhile.
    const facts = await stat(path).catch(() => undefined);
    if (!facts || facts.mtimeMs >= startedAtMs) continue;
    await rm(path, { force: true, recursive: true });
    log.info({ path }, 'a file of an earlier process was removed');
  }
}
