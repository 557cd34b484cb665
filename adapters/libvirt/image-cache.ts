// The host's image cache: one shared fetch for each image, checked by checksum and by what QEMU
// reports of it, visible only when complete.
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
import { cachedFormat, partSuffix, type HostFolder } from './host-folder.ts';
import { unlessMissing } from './outcome.ts';
import { readQcow2Header } from './qcow2-header.ts';
import { exists, finishWhole } from './write-whole.ts';

/** A source that sends nothing for this long is given up. */
const stallMs = 60_000;
const convertMs = 30 * 60_000;
/** Where no flavor says less. */
const largestVirtualBytes = 2 ** 44;

/** One fetch of one image, for all who wait for it. */
interface Fetch {
  outcome: Promise<Outcome<void>>;
  /** What each of them allows the disk in the image to have. */
  waiting: Map<object, number>;
  /** Aborted when nobody waits any more. */
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

  /** See the port's `ensureImage`. */
  async ensure(
    image: GuestImage,
    openImage: OpenImage,
    options: EnsureOptions = {},
  ): Promise<Outcome<void>> {
    const { maxVirtualBytes = largestVirtualBytes, signal } = options;
    if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(image.id))
      return fault('badRequest', `image id ${JSON.stringify(image.id)} is not a name`);
    const target = this.#folder.image(image);
    // One that nobody waited for any more clears up after itself first.
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

  /** null: the image is there. */
  async #begin(image: GuestImage, target: string, openImage: OpenImage): Promise<Fetch | null> {
    if (await exists(target)) return null;
    const other = this.#fetches.get(target); // begun while we looked
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

  /** The cached file and the size a disk on it must at least have. conflict: not in the cache. */
  async use(image: GuestImage): Promise<Outcome<{ path: string; virtualSizeBytes: number }>> {
    const target = this.#folder.image(image);
    const found = await unlessMissing(stat(target), null);
    if (!found)
      return fault(
        'conflict',
        `image ${image.id} is not in this host's cache; ensureImage comes first`,
      );
    await this.#touch(target);
    let virtualSizeBytes = this.#virtualSizes.get(target);
    if (virtualSizeBytes === undefined) {
      virtualSizeBytes = target.endsWith('.qcow2')
        ? ((await readQcow2Header(target))?.virtualSizeBytes ?? found.size)
        : found.size;
      this.#virtualSizes.set(target, virtualSizeBytes);
    }
    return { path: target, virtualSizeBytes };
  }

  /** While `work` runs no garbage collection takes these images. */
  async pinned<T>(images: GuestImage[], work: () => Promise<T>): Promise<T> {
    const paths = images.map((image) => this.#folder.image(image));
    for (const each of paths) this.#pins.set(each, (this.#pins.get(each) ?? 0) + 1);
    try {
      return await work();
    } finally {
      for (const each of paths) {
        const left = (this.#pins.get(each) ?? 1) - 1;
        if (left > 0) this.#pins.set(each, left);
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
   * Removes what nobody keeps, backs on, pins, or used within `olderThanMs`; returns the removed
   * names. `nowMs` is the file system's clock.
   */
  async collect(
    keepImageIds: ReadonlySet<string>,
    backing: ReadonlySet<string>,
    olderThanMs: number,
    nowMs: number,
  ): Promise<string[]> {
    const removed: string[] = [];
    for (const name of await unlessMissing(readdir(this.#folder.images), [])) {
      const file = path.join(this.#folder.images, name);
      const isPart = name.endsWith(partSuffix);
      const wanted = isPart
        ? this.#fetches.size > 0
        : keepImageIds.has(path.parse(name).name) || backing.has(file) || this.#pins.has(file);
      if (wanted) continue;
      const found = await unlessMissing(stat(file), null);
      if (!found || (!isPart && nowMs - found.mtimeMs < olderThanMs)) continue;
      await rm(file, { force: true });
      this.#virtualSizes.delete(file);
      removed.push(`images/${name}`);
    }
    return removed;
  }

  /** The modification time of a cached image is when it was last used. */
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
      // The largest that anybody waits for: who has less room is refused when the disk is planned.
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
      if (isKept) await rename(download, target); // flushed by the download
      else await finishWhole(target);
    } finally {
      await rm(download, { force: true });
      await rm(target + partSuffix, { force: true });
    }
  }
}

const abandoned = (image: GuestImage): Fault =>
  fault('timeout', `image ${image.id} is not fetched: nobody waits for it any more`);

/** Streams to `file`, flushed; null when the bytes are the promised ones. */
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
  if (image.sizeBytes > 0 && received !== image.sizeBytes)
    return fault(
      'badRequest',
      `image ${image.id} has ${received} bytes, expected ${image.sizeBytes}`,
    );
  if (image.checksum !== '' && hash.digest('hex') !== image.checksum)
    return fault('badRequest', `image ${image.id} does not match its checksum`);
  const written = await open(file, 'r+');
  try {
    await written.sync();
  } finally {
    await written.close();
  }
  return null;
}
