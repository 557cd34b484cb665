// Writes a file so that it appears complete or not at all: written under another name, flushed,
// renamed.
import { open, rename, stat } from 'node:fs/promises';
import { partSuffix } from './host-folder.ts';
import { unlessMissing } from './outcome.ts';

export async function exists(path: string): Promise<boolean> {
  return (await unlessMissing(stat(path), null)) !== null;
}

/**
 * Writes the file at `path`, replacing an existing one: `write` fills the path that it is given.
 * Safe to repeat: an earlier unfinished attempt is overwritten.
 */
export async function writeWhole(
  path: string,
  write: (partPath: string) => Promise<unknown>,
): Promise<void> {
  await write(path + partSuffix);
  await finishWhole(path);
}

/** The second half of `writeWhole`: flushes and renames a `.part` file that is already complete. */
export async function finishWhole(path: string): Promise<void> {
  const part = path + partSuffix;
  const file = await open(part, 'r+');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(part, path);
}

/** As `writeWhole`, but keeps a file that exists. */
export async function writeWholeOnce(
  path: string,
  write: (partPath: string) => Promise<unknown>,
): Promise<void> {
  if (!(await exists(path))) await writeWhole(path, write);
}
