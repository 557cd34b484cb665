// Writes one upload: from the source through blocks of shared memory to the disk and both hash
// threads at once. A block is reused when all three have read it, so memory is bounded, and a slow
// disk or hash slows the source down.
import { createHash } from 'node:crypto';
import { open, type FileHandle } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';
import type { StoredData, WriteLimits } from '#ports/image-store.ts';
import type { Hashing, HashThreads } from './hash-threads.ts';

const blockBytes = 1024 * 1024;
const maxBlocks = 8;
// Sync often, so that little is left for the final sync.
const syncEveryBytes = 16 * 1024 * 1024;

/**
 * Writes and syncs the file at `path`, which must not exist; the caller removes it after a fault or
 * an error.
 */
export async function writeFile(
  path: string,
  source: Readable,
  limits: WriteLimits,
  threads: HashThreads,
): Promise<Outcome<StoredData>> {
  const file = await open(path, 'wx', 0o640);
  const upload = new Upload(file, threads);
  try {
    const broken = await pump(source, upload, limits);
    return broken ?? (await upload.finish());
  } catch (error) {
    if (
      error instanceof Error &&
      'code' in error &&
      (error.code === 'ENOSPC' || error.code === 'EDQUOT')
    )
      return fault('tooLarge', 'There is not enough room in the image store.');
    throw error;
  } finally {
    await upload.settle();
    await file.close();
  }
}

/**
 * Copies the source into the upload. Returns why the source did not end properly; undefined if it
 * did.
 */
async function pump(
  source: Readable,
  upload: Upload,
  limits: WriteLimits,
): Promise<Outcome<undefined>> {
  const chunks = source.iterator({ destroyOnReturn: false });
  const late = new Error('stalled');
  let giveUp: (error: Error) => void = () => undefined;
  const timer = setTimeout(() => giveUp(late), limits.stallMs);
  for (;;) {
    let next: IteratorResult<Buffer | string>; // the type that byte streams yield
    try {
      // Not Promise.race: a promise that is pending for the whole upload would keep every chunk in
      // memory.
      next = await new Promise((resolve, reject) => {
        giveUp = reject;
        chunks.next().then(resolve, reject);
      });
    } catch (error) {
      clearTimeout(timer);
      return error === late
        ? fault('timeout', `No data came for ${limits.stallMs / 1000} s.`)
        : fault(
            'badRequest',
            `The data broke off after ${upload.sizeBytes} bytes: ${error instanceof Error ? error.message : String(error)}`,
          );
    }
    if (next.done) break;
    const chunk = typeof next.value === 'string' ? Buffer.from(next.value) : next.value;
    if (upload.sizeBytes + chunk.length > limits.maxBytes) {
      clearTimeout(timer);
      return fault(
        'tooLarge',
        `The data is larger than the ${limits.maxBytes} bytes that are allowed.`,
      );
    }
    await upload.take(chunk);
    timer.refresh();
  }
  clearTimeout(timer);
  return undefined;
}

interface Block {
  number: number;
  memory: SharedArrayBuffer;
  bytes: Uint8Array;
}

class Upload {
  sizeBytes = 0;
  readonly #file: FileHandle;
  readonly #threads: HashThreads;
  #hashing: Hashing | undefined;
  #blockCount = 0;
  #current: Block | undefined;
  #filled = 0;
  #position = 0;
  #unsynced = 0;
  #syncing: Promise<void> | undefined;
  readonly #free: Block[] = [];
  readonly #busy = new Set<Promise<void>>();
  #failure: { error: unknown } | undefined;

  constructor(file: FileHandle, threads: HashThreads) {
    this.#file = file;
    this.#threads = threads;
  }

  async take(chunk: Uint8Array): Promise<void> {
    for (let at = 0; at < chunk.length;) {
      this.#current ??= await this.#freeBlock();
      const part = chunk.subarray(at, at + blockBytes - this.#filled);
      this.#current.bytes.set(part, this.#filled);
      this.#filled += part.length;
      at += part.length;
      if (this.#filled === blockBytes) this.#dispatch((this.#hashing ??= this.#threads.begin()));
    }
    this.sizeBytes += chunk.length;
  }

  /** Writes the rest, waits for disk and hashes, and makes the file durable. */
  async finish(): Promise<StoredData> {
    // Hash threads are started only for uploads of more than one block.
    const small = this.#hashing === undefined;
    if (small) {
      const bytes = this.#current?.bytes.subarray(0, this.#filled) ?? new Uint8Array(0);
      const digest = (algorithm: string): string =>
        createHash(algorithm).update(bytes).digest('hex');
      await this.#writeAll(bytes, 0);
      await this.#file.sync();
      return { sizeBytes: this.sizeBytes, md5: digest('md5'), sha512: digest('sha512') };
    }
    const hashing = this.#hashing as Hashing; // set, since the upload is not small
    if (this.#filled > 0) this.#dispatch(hashing);
    const digests = hashing.digests();
    digests.catch(() => undefined); // `settle` below reports the first failure
    await this.settle();
    if (this.#failure) throw this.#failure.error;
    await this.#file.sync();
    return { sizeBytes: this.sizeBytes, ...(await digests) };
  }

  /** Resolves when neither disk nor hash threads use the blocks any more. */
  async settle(): Promise<void> {
    while (this.#busy.size > 0) await Promise.all(this.#busy);
    await this.#syncing;
    this.#hashing?.release();
  }

  async #freeBlock(): Promise<Block> {
    for (;;) {
      if (this.#failure) throw this.#failure.error;
      const free = this.#free.pop();
      if (free) return free;
      if (this.#blockCount < maxBlocks) {
        this.#blockCount += 1;
        const memory = new SharedArrayBuffer(blockBytes);
        return { number: this.#blockCount, memory, bytes: new Uint8Array(memory) };
      }
      await Promise.race(this.#busy);
    }
  }

  #dispatch(hashing: Hashing): void {
    const block = this.#current as Block; // dispatch is called only with a filled block
    const length = this.#filled;
    const position = this.#position;
    this.#current = undefined;
    this.#filled = 0;
    this.#position += length;
    const work = Promise.all([
      this.#writeAll(block.bytes.subarray(0, length), position),
      hashing.update(block.number, block.memory, length),
    ])
      .then(() => {
        this.#free.push(block);
        this.#startSync(length);
      })
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .finally(() => this.#busy.delete(work));
    this.#busy.add(work);
  }

  async #writeAll(bytes: Uint8Array, position: number): Promise<void> {
    for (let at = 0; at < bytes.length;)
      at += (await this.#file.write(bytes, at, bytes.length - at, position + at)).bytesWritten;
  }

  #startSync(length: number): void {
    this.#unsynced += length;
    if (this.#unsynced < syncEveryBytes || this.#syncing) return;
    this.#unsynced = 0;
    this.#syncing = this.#file
      .datasync()
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .finally(() => {
        this.#syncing = undefined;
      });
  }
}
