// The host's image cache: one shared fetch for each image, checked by checksum, visible only when complete.
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, open, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fault, isFault, type Fault, type Outcome } from '#contracts/common/fault.ts';
import type { GuestImage } from '#contracts/nova/guest.ts';
import type { OpenImage } from '#ports/hypervisor.ts';
import { runTool } from './child-process.ts';
import { PART, type HostFolder } from './host-folder.ts';
import { unlessMissing } from './outcome.ts';
import { readQcow2Header } from './qcow2-header.ts';
import { exists, writeWhole } from './write-whole.ts';

/** A source that sends nothing for this long is given up. */
const STALL_MS = 60_000;
const CONVERT_MS = 30 * 60_000;
/** qemu-img's names for what Glance calls vhd. */
const QEMU_FORMATS: Record<string, string> = { vmdk: 'vmdk', vdi: 'vdi', vhd: 'vpc', vhdx: 'vhdx' };

export class ImageCache {
  readonly #folder: HostFolder;
  readonly #fetches = new Map<string, Promise<Outcome<void>>>();
  readonly #virtualSizes = new Map<string, number>();
  readonly #pins = new Map<string, number>();

  constructor(folder: HostFolder) {
    this.#folder = folder;
  }

  /** See the port's `ensureImage`. */
  async ensure(image: GuestImage, openImage: OpenImage): Promise<Outcome<void>> {
    if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(image.id)) return fault('badRequest', `image id ${JSON.stringify(image.id)} is not a name`);
    const target = this.#folder.image(image);
    if (await exists(target)) return this.#touch(target);
    let fetch = this.#fetches.get(target);
    if (!fetch) {
      fetch = this.#fetch(image, target, openImage).finally(() => this.#fetches.delete(target));
      this.#fetches.set(target, fetch);
    }
    return fetch;
  }

  /** The cached file and the size a disk on it must at least have. conflict: not in the cache. */
  async use(image: GuestImage): Promise<Outcome<{ path: string; virtualSizeBytes: number }>> {
    const target = this.#folder.image(image);
    const found = await unlessMissing(stat(target), null);
    if (!found) return fault('conflict', `image ${image.id} is not in this host's cache; ensureImage comes first`);
    await this.#touch(target);
    let virtualSizeBytes = this.#virtualSizes.get(target);
    if (virtualSizeBytes === undefined) {
      virtualSizeBytes = target.endsWith('.qcow2') ? (await readQcow2Header(target))?.virtualSizeBytes ?? found.size : found.size;
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
    return names.filter((name) => !name.endsWith(PART)).map((name) => path.parse(name).name);
  }

  /** Removes what nobody keeps, backs on, pins, or used within `olderThanMs`; returns the removed names. `nowMs` is the file system's clock. */
  async collect(keepImageIds: ReadonlySet<string>, backing: ReadonlySet<string>, olderThanMs: number, nowMs: number): Promise<string[]> {
    const removed: string[] = [];
    for (const name of await unlessMissing(readdir(this.#folder.images), [])) {
      const file = path.join(this.#folder.images, name);
      const isPart = name.endsWith(PART);
      const wanted = isPart ? this.#fetches.size > 0 : keepImageIds.has(path.parse(name).name) || backing.has(file) || this.#pins.has(file);
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

  async #fetch(image: GuestImage, target: string, openImage: OpenImage): Promise<Outcome<void>> {
    await mkdir(this.#folder.images, { recursive: true });
    const source = await openImage();
    if (isFault(source)) return source;
    const download = `${target}.download${PART}`;
    const written = await receive(source, download, image);
    const problem = written ?? (await unsafe(download, image));
    if (problem) {
      await rm(download, { force: true });
      return problem;
    }
    const convertFrom = QEMU_FORMATS[image.diskFormat];
    if (convertFrom === undefined) {
      await rename(download, target); // flushed by the download
    } else {
      try {
        await writeWhole(target, (part) => runTool('qemu-img', ['convert', '-f', convertFrom, '-O', 'qcow2', download, part], CONVERT_MS));
      } finally {
        await rm(download, { force: true });
      }
    }
  }
}

/** Streams to `file`, flushed; null when the bytes are the promised ones. */
async function receive(source: Readable, file: string, image: GuestImage): Promise<Fault | null> {
  const hash = createHash('sha512');
  let received = 0;
  let mismatch: Fault | null = null;
  const stall = setTimeout(() => source.destroy(new Error(`no bytes for ${STALL_MS} ms`)), STALL_MS);
  const meter = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      stall.refresh();
      received += chunk.length;
      if (image.sizeBytes > 0 && received > image.sizeBytes) mismatch = fault('badRequest', `image ${image.id} is longer than its ${image.sizeBytes} bytes`);
      hash.update(chunk);
      done(mismatch ? new Error(mismatch.message) : null, chunk);
    },
  });
  try {
    await pipeline(source, meter, createWriteStream(file));
  } catch (error) {
    return mismatch ?? fault('unavailable', `image ${image.id}: ${(error as Error).message}`);
  } finally {
    clearTimeout(stall);
  }
  if (image.sizeBytes > 0 && received !== image.sizeBytes) return fault('badRequest', `image ${image.id} has ${received} bytes, expected ${image.sizeBytes}`);
  if (image.checksum !== '' && hash.digest('hex') !== image.checksum) return fault('badRequest', `image ${image.id} does not match its checksum`);
  const written = await open(file, 'r+');
  try {
    await written.sync();
  } finally {
    await written.close();
  }
  return null;
}

/** An image that would make QEMU open other files of the host (CVE-2015-5163, CVE-2024-32498), or is not what it claims. */
async function unsafe(file: string, image: GuestImage): Promise<Fault | null> {
  if (image.diskFormat === 'qcow2') {
    const header = await readQcow2Header(file);
    if (!header) return fault('badRequest', `image ${image.id} is not qcow2`);
    if (header.backingFile !== null || header.hasExternalDataFile) return fault('badRequest', `image ${image.id} refers to another file`);
  }
  if (image.diskFormat === 'vmdk') {
    const start = Buffer.alloc(64 * 1024);
    const vmdk = await open(file, 'r');
    try {
      await vmdk.read(start, 0, start.length, 0);
    } finally {
      await vmdk.close();
    }
    const createType = /createType="([^"]*)"/.exec(start.toString('latin1'))?.[1];
    if (createType !== 'monolithicSparse' && createType !== 'streamOptimized') return fault('badRequest', `image ${image.id}: VMDK of type ${createType ?? 'unknown'} may refer to other files`);
  }
  return null;
}
