// The folder of Fernet keys, with stock Keystone's file names and rotation: 0 is staged, the
// highest number is primary, the others only decrypt. Processes share keys by sharing the folder.
import { link, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '#platform/clock.ts';
import type { Ids } from '#platform/ids.ts';
import { seal, unseal, type FernetKey } from '../../domain/fernet.ts';

export interface FernetKeys {
  seal(plain: Buffer): string;
  /** The payload in a token; undefined: no key in the folder made this token. */
  unseal(token: string): Promise<Buffer | undefined>;
  /** Reads the folder again, since another process may have rotated the keys. */
  reload(): Promise<void>;
  /**
   * The staged key becomes primary, a new key is staged, and the oldest keys beyond `maxActiveKeys`
   * are deleted. Returns the primary's number and the number of keys.
   */
  rotate(): Promise<{ primary: number; count: number }>;
}

export interface FernetKeysOptions {
  folder: string;
  /** How many keys are kept, staged and primary included. Default 3, as upstream. */
  maxActiveKeys?: number;
}

const keyBytes = 32;
const stagedKey = 0;
/**
 * On a token of an unknown key the folder is read again, as another process may have rotated, but
 * not more often than this.
 */
const reloadAfterMs = 5_000;

/** Opens the folder; creates it and its first keys if there are none. */
export async function openFernetKeys(
  options: FernetKeysOptions,
  deps: { clock: Clock; ids: Ids },
): Promise<FernetKeys> {
  const { folder, maxActiveKeys = 3 } = options;
  await mkdir(folder, { recursive: true, mode: 0o700 });

  /**
   * Creates a key file unless another process has just done so: two processes may start at once.
   */
  const write = async (number: number): Promise<void> => {
    const temporary = join(folder, `.${deps.ids.hex()}`);
    await writeFile(temporary, deps.ids.bytes(keyBytes).toString('base64url') + '=', {
      mode: 0o600,
      flush: true,
    });
    await link(temporary, join(folder, String(number))).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
    await rm(temporary);
  };
  const numbers = async (): Promise<number[]> =>
    (await readdir(folder))
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .sort((a, b) => b - a);
  const readAll = async (): Promise<FernetKey[]> =>
    await Promise.all(
      (await numbers()).map(async (number) =>
        Buffer.from(await readFile(join(folder, String(number)), 'utf8'), 'base64url'),
      ),
    );
  const load = async (): Promise<FernetKey[]> => {
    // Another process's rotation may rename or delete a key between listing and reading: try once
    // more.
    const keys = await readAll().catch(async (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
      return await readAll();
    });
    if (keys.some((key) => key.length !== keyBytes))
      throw new Error(`${folder}: a Fernet key is not ${keyBytes} bytes of base64`);
    return keys;
  };

  const keyNumbers = await numbers();
  if (!keyNumbers.includes(stagedKey)) await write(stagedKey); // also repairs an interrupted rotation
  if (!keyNumbers.some((number) => number !== stagedKey)) await write(1);
  let keys = await load(); // the primary (highest number) first
  let loadedAtMs = deps.clock.now();
  const primary = (): FernetKey => {
    const key = keys[0];
    if (!key) throw new Error(`${folder} holds no Fernet key`);
    return key;
  };

  const reload = async (): Promise<void> => {
    loadedAtMs = deps.clock.now();
    keys = await load();
  };

  return {
    seal: (plain) => seal(primary(), plain, deps.clock.now(), deps.ids.bytes(16)),
    async unseal(token) {
      const plain = unseal(keys, token);
      if (plain || deps.clock.now() - loadedAtMs < reloadAfterMs) return plain;
      await reload();
      return unseal(keys, token);
    },
    reload,
    async rotate() {
      const present = await numbers();
      const next = Math.max(0, ...present) + 1;
      await rename(join(folder, String(stagedKey)), join(folder, String(next)));
      await write(stagedKey);
      const active = (await numbers()).filter((number) => number !== stagedKey);
      for (const old of active.slice(Math.max(1, maxActiveKeys - 1)))
        await rm(join(folder, String(old)));
      await reload();
      return { primary: next, count: keys.length };
    },
  };
}
