// The host's image cache: concurrent callers share one fetch of an image, which is verified by
// checksum and by QEMU's own inspection, and becomes visible only when it is complete.
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, open, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fault, isFault, type Fault, type Outcome } from '#contracts/common/fault.ts';
import type { GuestImage } from '#contracts/nova/guest.ts';
import type { DiskImages } from '#ports/disk-images.ts';
import type { EnsureOptions, OpenImage } from '#ports/hypervisor.ts';
import { imageMismatch } from '#ports/received-image.ts';
import { cachedFormat, partSuffix, type HostFolder } from './host-folder.ts';
import { unlessMissing } from './outcome.ts';
import { readQcow2Header } from './qcow2-header.ts';
import { exists, finishWhole } from './write-whole.ts';

/** A source that sends nothing for this long is given up. */
const stallMs = 60_000;
/** Deadline of the inspection and conversion of a downloaded image. */
const convertMs = 30 * 60_000;
/** Limit for the virtual size where no flavor sets a smaller one. */
const largestVirtualBytes = 2 ** 44;

/** One fetch of one image, shared by its waiters. */
interface Fetch {
  outcome: Promise<Outcome<void>>;
  /** The largest virtual size that each waiter accepts. */
  waiting: Map<object, number>;
  /** Aborted when the last waiter has left. */
  abandoned: AbortController;
}

export class ImageCache {
  readonly #folder: HostFolder;
  readonly #images: DiskImages;
  readonly #fetches = new Map<string, Fetch>();
  readonly #virtualSizes = new Map<string, number>();
  readonly #pins = new Map<string, number>();

  constructor(folder: HostFolder, images: DiskImages) {
    this.#folder = folder;
    this.#images = images;
  }

  /** See `ensureImage` in ports/hypervisor.ts. */
  async ensure(
    image: GuestImage,
    openImage: OpenImage,
    options: EnsureOptions = {},
  ): Promise<Outcome<void>> {
    const { maxVirtualBytes = largestVirtualBytes, signal } = options;
    if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(image.id))
      return fault('badRequest', `image id ${JSON.stringify(image.id)} is not a name`);
    const target = this.#folder.image(image);
    // A fetch that its waiters have abandoned is still cleaning up: wait until it has ended.
    for (
      let last = this.#fetches.get(target);
      last?.abandoned.signal.aborted;
      last = this.#fetches.get(target)
    )
      await last.outcome;
    if (signal?.aborted) return abandoned(image);
    const fetch = this.#fetches.get(target) ?? (await this.#begin(image, target, openImage));
    return fetch ? await this.#await(fetch, image, maxVirtualBytes, signal) : this.#touch(target);
  }

  /** Begins a fetch, or joins one that has just begun; null: the image is in the cache. */
  async #begin(image: GuestImage, target: string, openImage: OpenImage): Promise<Fetch | null> {
    if (await exists(target)) return null;
    const other = this.#fetches.get(target); // another caller began during the await
    if (other) return other;
    const fetch: Fetch = {
      outcome: Promise.resolve(undefined),
      waiting: new Map(),
      abandoned: new AbortController(),
    };
    this.#fetches.set(target, fetch);
    fetch.outcome = this.#fetch(image, target, openImage, fetch).finally(() =>
      this.#fetches.delete(target),
    );
    return fetch;
  }

  async #await(
    fetch: Fetch,
    image: GuestImage,
    maxVirtualBytes: number,
    signal: AbortSignal | undefined,
  ): Promise<Outcome<void>> {
    const { outcome, waiting, abandoned: all } = fetch;
    const me = {};
    waiting.set(me, maxVirtualBytes);
    const leave = (): void => {
      if (waiting.delete(me) && waiting.size === 0) all.abort();
    };
    if (!signal) return await outcome.finally(leave);
    return await new Promise((resolve, reject) => {
      const onAbort = (): void => {
        leave();
        if (waiting.size > 0) resolve(abandoned(image));
      };
      signal.addEventListener('abort', onAbort, { once: true });
      if (signal.aborted) onAbort();
      outcome.then(resolve, reject).finally(() => {
        signal.removeEventListener('abort', onAbort);
        leave();
      });
    });
  }

  /**
   * Marks the image as used, and returns the cached file and its virtual size, the least that a
   * disk on it may have. conflict: not in the cache.
   */
  async use(image: GuestImage): Promise<Outcome<{ path: string; virtualSizeBytes: number }>> {
    const target = this.#folder.image(image);
    const stats = await unlessMissing(stat(target), null);
    if (!stats)
      return fault(
        'conflict',
        `image ${image.id} is not in this host's cache; ensureImage comes first`,
      );
    await this.#touch(target);
    let virtualSizeBytes = this.#virtualSizes.get(target);
    if (virtualSizeBytes === undefined) {
      virtualSizeBytes = target.endsWith('.qcow2')
        ? ((await readQcow2Header(target))?.virtualSizeBytes ?? stats.size)
        : stats.size;
      this.#virtualSizes.set(target, virtualSizeBytes);
    }
    return { path: target, virtualSizeBytes };
  }

  /** Keeps garbage collection from removing these images while `work` runs. */
  async pinned<T>(images: GuestImage[], work: () => Promise<T>): Promise<T> {
    const paths = images.map((image) => this.#folder.image(image));
    for (const each of paths) this.#pins.set(each, (this.#pins.get(each) ?? 0) + 1);
    try {
      return await work();
    } finally {
      for (const each of paths) {
        const pinCount = (this.#pins.get(each) ?? 1) - 1;
        if (pinCount > 0) this.#pins.set(each, pinCount);
        else this.#pins.delete(each);
      }
    }
  }

  /** Ids of the complete images. */
  async list(): Promise<string[]> {
    const names = await unlessMissing(readdir(this.#folder.images), []);
    return names.filter((name) => !name.endsWith(partSuffix)).map((name) => path.parse(name).name);
  }

  /**
   * Removes images that are not to be kept, back no disk, are not pinned, and were not used within
   * `olderThanMs`; returns the removed names. `nowMs` is the file system's clock.
   */
  async collect(
    keepImageIds: ReadonlySet<string>,
    backing: ReadonlySet<string>,
    olderThanMs: number,
    nowMs: number,
  ): Promise<string[]> {
    const removedIds: string[] = [];
    for (const name of await unlessMissing(readdir(this.#folder.images), [])) {
      const file = path.join(this.#folder.images, name);
      const isPart = name.endsWith(partSuffix);
      const isNeeded = isPart
        ? this.#fetches.size > 0
        : keepImageIds.has(path.parse(name).name) || backing.has(file) || this.#pins.has(file);
      if (isNeeded) continue;
      const stats = await unlessMissing(stat(file), null);
      if (!stats || (!isPart && nowMs - stats.mtimeMs < olderThanMs)) continue;
      await rm(file, { force: true });
      this.#virtualSizes.delete(file);
      removedIds.push(`images/${name}`);
    }
    return removedIds;
  }

  /** Records that a cached image is used now: its modification time is that of its last use. */
  async #touch(file: string): Promise<void> {
    const now = new Date();
    await utimes(file, now, now);
  }

  async #fetch(
    image: GuestImage,
    target: string,
    openImage: OpenImage,
    { waiting, abandoned: { signal } }: Fetch,
  ): Promise<Outcome<void>> {
    await mkdir(this.#folder.images, { recursive: true });
    const source = await openImage();
    if (isFault(source)) return source;
    const download = `${target}.download${partSuffix}`;
    try {
      const problem = await receive(source, download, image, signal);
      if (problem) return signal.aborted ? abandoned(image) : problem;
      // The largest that any waiter accepts; a waiter with a smaller disk is refused when its guest
      // is planned.
      const maxVirtualBytes = Math.max(...waiting.values(), 0);
      const limits = { timeoutMs: convertMs, signal };
      const isKept = image.diskFormat === 'qcow2' || cachedFormat(image) === 'raw';
      const name = { path: download, diskFormat: image.diskFormat };
      const accepted = isKept
        ? await this.#images.inspect(name, maxVirtualBytes, limits)
        : await this.#images.convert(
            name,
            maxVirtualBytes,
            { name: target + partSuffix, intoExisting: false },
            limits,
          );
      if (signal.aborted) return abandoned(image);
      if (isFault(accepted)) return fault(accepted.kind, `image ${image.id}: ${accepted.message}`);
      if (isKept) await rename(download, target); // already flushed by the download
      else await finishWhole(target);
    } finally {
      await rm(download, { force: true });
      await rm(target + partSuffix, { force: true });
    }
  }
}

const abandoned = (image: GuestImage): Fault =>
  fault('timeout', `image ${image.id} is not fetched: nobody waits for it any more`);

/** Streams into `file` and flushes it; null when size and checksum are as expected. */
async function receive(
  source: Readable,
  file: string,
  image: GuestImage,
  signal: AbortSignal,
): Promise<Fault | null> {
  const hash = createHash('sha512');
  let received = 0;
  let mismatch: Fault | null = null;
  const stall = setTimeout(() => source.destroy(new Error(`no bytes for ${stallMs} ms`)), stallMs);
  const meter = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      stall.refresh();
      received += chunk.length;
      if (image.sizeBytes > 0 && received > image.sizeBytes)
        mismatch = fault(
          'badRequest',
          `image ${image.id} is longer than its ${image.sizeBytes} bytes`,
        );
      hash.update(chunk);
      done(mismatch ? new Error(mismatch.message) : null, chunk);
    },
  });
  try {
    await pipeline(source, meter, createWriteStream(file), { signal });
  } catch (error) {
    return mismatch ?? fault('unavailable', `image ${image.id}: ${(error as Error).message}`);
  } finally {
    clearTimeout(stall);
  }
  mismatch = imageMismatch(image, { sizeBytes: received, sha512: hash.digest('hex') });
  if (mismatch) return mismatch;
  const handle = await open(file, 'r+');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
  return null;
}
