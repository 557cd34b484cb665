// Creates the images of hostile-images.testing.ts, by qemu-img and by patching bytes.
import { execFile } from 'node:child_process';
import { open } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** What hostile images refer to; it must never be opened because of them. */
export interface Bait {
  /** A file whose content must not appear in any result. */
  file: string;
  /** A port of this machine to which nobody may connect. */
  port: number;
}

/** Adds an image to the corpus: `make` writes it to the given path. */
export type Add = (
  name: string,
  diskFormat: string,
  make: (path: string) => Promise<unknown>,
) => Promise<void>;

/**
 * Runs qemu-img. For a LUKS header QEMU measures the CPU time of its key derivation, and sometimes
 * measures none ("Unable to get accurate CPU usage"): then it is run again.
 */
export async function qemuImg(...args: string[]): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await run('qemu-img', args);
      return;
    } catch (error) {
      if (attempt === 10 || !String(error).includes('accurate CPU usage')) throw error;
    }
  }
}
export const create =
  (format: string, size: string, ...options: string[]) =>
  async (path: string): Promise<unknown> =>
    await qemuImg('create', '-q', '-f', format, ...options, path, size);

export async function patch(path: string, offset: number, bytes: Buffer): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await file.write(bytes, 0, bytes.length, offset);
  } finally {
    await file.close();
  }
}
export const be32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};
export const be64 = (value: bigint): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(value);
  return bytes;
};
export const le64 = (value: bigint): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return bytes;
};

export const kib = 1024;
export const mib = kib ** 2;
