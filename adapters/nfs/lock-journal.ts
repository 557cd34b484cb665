// The notes of the locks that one host may hold, one small file each: written before a lock is
// requested and removed after it is released, so that after a crash every lock is known. Used by
// nlm-image-locks.ts.
import { createHash } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ImageLock } from '#ports/image-locks.ts';

/**
 * A lock as it is noted. `handle`: NFS handle of the locked file; its name may belong to another
 * file by now.
 */
export interface LockNote {
  lock: ImageLock;
  handle: Buffer;
}

export interface LockJournal {
  read(): Promise<LockNote[]>;
  /** Writes the note, durably. Replaces an earlier note of the same lock. */
  write(note: LockNote): Promise<void>;
  /** Removes the note. Safe to repeat. */
  remove(lock: ImageLock): Promise<void>;
}

const suffix = '.json';

export const lockKey = ({ guest, server, path }: ImageLock): string =>
  `${guest}.${createHash('sha256').update(`${server}:${path}`).digest('hex').slice(0, 32)}`;

export function openLockJournal(folder: string): LockJournal {
  const fileOf = (lock: ImageLock): string => join(folder, lockKey(lock) + suffix);
  return {
    async read() {
      await mkdir(folder, { recursive: true });
      const names = (await readdir(folder)).filter((name) => name.endsWith(suffix));
      return await Promise.all(
        names.map(async (name) => parse(await readFile(join(folder, name), 'utf8'))),
      );
    },
    async write({ lock, handle }) {
      const part = `${fileOf(lock)}.part`;
      await flushed(part, 'w', JSON.stringify({ ...lock, handle: handle.toString('base64') }));
      await rename(part, fileOf(lock));
      await flushed(folder, 'r');
    },
    // Not flushed: if the note reappears after a power failure, a lock that is not held is
    // released, which is harmless.
    remove: async (lock) => await rm(fileOf(lock), { force: true }),
  };
}

async function flushed(path: string, flags: 'r' | 'w', text?: string): Promise<void> {
  const file = await open(path, flags, 0o600);
  try {
    if (text !== undefined) await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

function parse(text: string): LockNote {
  // Cast: written by `write` above, atomically.
  const { handle, ...lock } = JSON.parse(text) as ImageLock & { handle: string };
  return { lock, handle: Buffer.from(handle, 'base64') };
}
