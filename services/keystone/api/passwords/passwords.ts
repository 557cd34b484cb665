// Password hashes: argon2id, in the PHC string format. Used for users and for secrets of
// application credentials.
import { argon2, timingSafeEqual } from 'node:crypto';
import type { Argon2Parameters } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { promisify } from 'node:util';
import { isFault, type Outcome } from '#contracts/common/fault.ts';
import type { Ids } from '#platform/ids.ts';
import { PasswordQueue, type QueueBounds, type Turn } from './password-queue.ts';

export interface PasswordCost extends QueueBounds {
  memoryKib: number;
  passes: number;
}

/**
 * Threads of libuv's pool (default 4). Hashing shares them with file I/O and other cryptography of
 * the process.
 */
const threads = Number(process.env['UV_THREADPOOL_SIZE'] ?? 4);

/**
 * OWASP's first choice for argon2id: about 29 ms per hash. Concurrency leaves two pool threads
 * free, and is at most one hash per core.
 */
export const defaultPasswordCost = {
  memoryKib: 19_456,
  passes: 2,
  maxConcurrent: Math.max(1, Math.min(threads - 2, availableParallelism())),
};

export interface Passwords {
  /** Hashes a password. tooManyRequests or unavailable: too many hashes are waiting. */
  hash(password: string, turn: Turn): Promise<Outcome<string>>;
  /**
   * Whether the password has this hash. Also false for an empty hash (a user without a password, or
   * no user), after the same time as for a wrong password. Faults as for `hash`.
   */
  verify(password: string, hash: string, turn: Turn): Promise<Outcome<boolean>>;
}

/** Derives the argon2id hash of a password. */
export type DeriveHash = (parameters: Argon2Parameters) => Promise<Buffer>;

const derive = promisify(argon2);
export const argon2id: DeriveHash = async (parameters) => await derive('argon2id', parameters);
const hashBytes = 32;

export function createPasswords(
  cost: PasswordCost,
  ids: Ids,
  deriveHash: DeriveHash = argon2id,
): Passwords {
  const queue = new PasswordQueue(cost);
  const compute = (
    turn: Turn,
    password: string,
    nonce: Buffer,
    memory: number,
    passes: number,
  ): Promise<Outcome<Buffer>> =>
    queue.run(turn, () =>
      deriveHash({
        message: password,
        nonce,
        parallelism: 1,
        tagLength: hashBytes,
        memory,
        passes,
      }),
    );

  return {
    async hash(password, turn) {
      const salt = ids.bytes(16);
      const hash = await compute(turn, password, salt, cost.memoryKib, cost.passes);
      return isFault(hash)
        ? hash
        : `$argon2id$v=19$m=${cost.memoryKib},t=${cost.passes},p=1$${base64(salt)}$${base64(hash)}`;
    },
    async verify(password, text, turn) {
      const [, memory, passes, salt, expected] =
        /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=1\$([^$]+)\$([^$]+)$/.exec(text) ?? [];
      const isHash = salt !== undefined && expected !== undefined;
      const hash = isHash
        ? await compute(turn, password, Buffer.from(salt, 'base64'), Number(memory), Number(passes))
        : await compute(turn, password, Buffer.alloc(16), cost.memoryKib, cost.passes);
      if (isFault(hash)) return hash;
      return isHash && timingSafeEqual(hash, Buffer.from(expected, 'base64'));
    },
  };
}

function base64(bytes: Buffer): string {
  return bytes.toString('base64').replaceAll('=', '');
}
