// One thread for md5 and one for sha512: each hashes 0.8 GB/s, while both on the main thread reach
// 0.4 GB/s and block everything else. Started by the first upload that needs them, ended after some
// idle time, since each costs about 10 MB.
import { Worker } from 'node:worker_threads';

/**
 * A message to hash-thread.mjs. With a block: hash it; the answer says that its memory may be
 * reused. Without a block: end the upload; the answer is the digest.
 */
interface HashOrder {
  seq: number;
  upload: number;
  block?: number;
  length?: number;
  /** Only at the block's first use: passing the memory costs 0.4 ms, passing its number nothing. */
  memory?: SharedArrayBuffer;
}
interface HashAnswer {
  seq: number;
  /** Hex; null in the answer to a block. */
  digest: string | null;
}

export interface Hashing {
  /**
   * Hashes a block; resolves when both threads have read it. Blocks are hashed in the order of the
   * calls; a block's number always stands for the same memory.
   */
  update(block: number, memory: SharedArrayBuffer, length: number): Promise<void>;
  digests(): Promise<{ md5: string; sha512: string }>;
  /** Ends the upload, with or without its digests. Safe to repeat. */
  release(): void;
}

export interface HashThreads {
  begin(): Hashing;
  close(): Promise<void>;
}

const algorithms = ['md5', 'sha512'] as const;

export function createHashThreads(idleMs: number): HashThreads {
  let threads: HashThread[] | undefined;
  let users = 0;
  let uploads = 0;
  let idle: NodeJS.Timeout | undefined;

  const end = async (): Promise<void> => {
    clearTimeout(idle);
    const ending = threads;
    threads = undefined;
    await Promise.all(ending?.map((thread) => thread.end()) ?? []);
  };
  return {
    begin() {
      clearTimeout(idle);
      if (threads?.some((thread) => thread.dead)) threads = undefined;
      const [md5, sha512] = (threads ??= algorithms.map(
        (algorithm) => new HashThread(algorithm),
      )) as [HashThread, HashThread]; // one thread for each algorithm
      const upload = (uploads += 1);
      const sharedBlocks = new Set<number>();
      let released = false;
      users += 1;
      return {
        update: async (block, memory, length) => {
          const order = sharedBlocks.has(block)
            ? { upload, block, length }
            : { upload, block, length, memory };
          sharedBlocks.add(block);
          await Promise.all([md5, sha512].map((thread) => thread.order(order)));
        },
        digests: async () => {
          const [first, second] = await Promise.all(
            [md5, sha512].map((thread) => thread.order({ upload })),
          );
          return { md5: first ?? '', sha512: second ?? '' };
        },
        release: () => {
          if (released) return;
          released = true;
          users -= 1;
          // Makes the threads drop the state of an unfinished upload.
          for (const thread of [md5, sha512]) thread.order({ upload }).catch(() => undefined);
          if (users === 0) idle = setTimeout(() => void end(), idleMs).unref();
        },
      };
    },
    close: end,
  };
}

class HashThread {
  readonly #worker: Worker;
  readonly #waiting = new Map<
    number,
    { resolve: (digest: string | null) => void; reject: (error: Error) => void }
  >();
  #seq = 0;
  dead = false;

  constructor(algorithm: string) {
    this.#worker = new Worker(new URL('./hash-thread.mjs', import.meta.url), {
      workerData: { algorithm },
      execArgv: [], // the main thread's flags, e.g. --input-type, must not apply
      resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 4 },
    });
    this.#worker.on('message', ({ seq, digest }: HashAnswer) => {
      this.#waiting.get(seq)?.resolve(digest);
      this.#waiting.delete(seq);
      if (this.#waiting.size === 0) this.#worker.unref(); // an idle thread keeps no process alive
    });
    this.#worker.on('error', (cause) =>
      this.#fail(new Error(`the ${algorithm} thread failed`, { cause })),
    );
    this.#worker.on('exit', () => this.#fail(new Error(`the ${algorithm} thread has ended`)));
  }

  async order(order: Omit<HashOrder, 'seq'>): Promise<string | null> {
    if (this.dead) throw new Error('this hash thread has ended');
    const seq = (this.#seq += 1);
    return await new Promise((resolve, reject) => {
      this.#waiting.set(seq, { resolve, reject });
      this.#worker.ref();
      this.#worker.postMessage({ seq, ...order });
    });
  }

  async end(): Promise<void> {
    await this.#worker.terminate();
  }

  #fail(error: Error): void {
    this.dead = true;
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}
