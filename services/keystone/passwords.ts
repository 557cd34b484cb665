// Password hashes: argon2id, in the PHC string format. Used for users and for secrets of application credentials.
import { argon2, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import type { Ids } from '#platform/ids.ts';

export interface PasswordCost {
  memoryKib: number;
  passes: number;
  /** Hashes computed at once: each takes memoryKib and a thread of the pool. */
  maxConcurrent: number;
}

/** OWASP's first choice for argon2id: about 29 ms a hash. */
export const defaultPasswordCost: PasswordCost = { memoryKib: 19_456, passes: 2, maxConcurrent: 3 };

export interface Passwords {
  hash(password: string): Promise<string>;
  /** False too for an empty hash (a user without a password, or no user), in the same time as for a wrong password. */
  verify(password: string, hash: string): Promise<boolean>;
}

const derive = promisify(argon2);
const HASH_BYTES = 32;

export function createPasswords(cost: PasswordCost, ids: Ids): Passwords {
  let running = 0;
  const queue: (() => void)[] = [];

  async function compute(password: string, nonce: Buffer, memory: number, passes: number): Promise<Buffer> {
    if (running >= cost.maxConcurrent) await new Promise<void>((resolve) => queue.push(resolve)); // handed the place of the one that ends
    else running += 1;
    try {
      return await derive('argon2id', { message: password, nonce, parallelism: 1, tagLength: HASH_BYTES, memory, passes });
    } finally {
      const next = queue.shift();
      if (next) next();
      else running -= 1;
    }
  }

  return {
    async hash(password) {
      const salt = ids.bytes(16);
      const hash = await compute(password, salt, cost.memoryKib, cost.passes);
      return `$argon2id$v=19$m=${cost.memoryKib},t=${cost.passes},p=1$${base64(salt)}$${base64(hash)}`;
    },
    async verify(password, text) {
      const [, memory, passes, salt, hash] = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=1\$([^$]+)\$([^$]+)$/.exec(text) ?? [];
      if (!salt || !hash) {
        await compute(password, Buffer.alloc(16), cost.memoryKib, cost.passes);
        return false;
      }
      const expected = Buffer.from(hash, 'base64');
      return timingSafeEqual(await compute(password, Buffer.from(salt, 'base64'), Number(memory), Number(passes)), expected);
    },
  };
}

function base64(bytes: Buffer): string {
  return bytes.toString('base64').replaceAll('=', '');
}
