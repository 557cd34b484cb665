// The driver of ports/image-store.ts in memory: for simulated clouds under a fake clock, where
// neither files nor threads may influence the order of events. Does not outlive its process.
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { fault } from '#contracts/common/fault.ts';
import type { Outcome } from '#contracts/common/fault.ts';
import type { Clock } from '#platform/clock.ts';
import { DeadlinePassed } from '#platform/clock.ts';
import type { ImageStore, WriteLimits } from '#ports/image-store.ts';

/** Data by key; null while they are being written. */
export type SimImages = Map<string, Buffer | null>;

const keyPattern = /^[A-Za-z0-9_-]{1,128}$/;
const chunkBytes = 1024 * 1024;

export function createSimImageStore({
  clock,
  images = new Map(),
}: {
  clock: Clock;
  images?: SimImages;
}): ImageStore {
  return {
    async write(key, source, limits) {
      if (!keyPattern.test(key)) throw new Error(`no key of an image store: ${key}`);
      images.set(key, null);
      const bytes = await readWhole(source, limits, clock);
      const wasRemoved = !images.has(key);
      images.delete(key);
      if (!Buffer.isBuffer(bytes)) return bytes;
      if (wasRemoved)
        return fault('gone', `The data under ${key} was removed while it was written.`);
      images.set(key, bytes);
      const digest = (name: string): string => createHash(name).update(bytes).digest('hex');
      return { sizeBytes: bytes.length, md5: digest('md5'), sha512: digest('sha512') };
    },
    async read(key, range) {
      const bytes = images.get(key);
      if (!bytes) return fault('notFound', `There is no data under ${key}.`);
      const wanted = range ? bytes.subarray(range.first, range.last + 1) : bytes;
      return Readable.from(piecesOf(wanted), { objectMode: false });
    },
    async remove(key) {
      images.delete(key);
    },
    async list() {
      return [...images].map(([key, bytes]) => ({
        key,
        sizeBytes: bytes?.length ?? 0,
        whole: bytes !== null,
      }));
    },
    async close() {},
  };
}

function* piecesOf(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes);
}

async function readWhole(
  source: Readable,
  { maxBytes, stallMs }: WriteLimits,
  clock: Clock,
): Promise<Outcome<Buffer>> {
  const chunks: Buffer[] = [];
  const iterator = source.iterator({ destroyOnReturn: false });
  let sizeBytes = 0;
  for (;;) {
    let next: IteratorResult<Buffer | string>; // the type that byte streams yield
    try {
      next = await new Promise((resolve, reject) => {
        const timer = clock.after(stallMs, () => reject(new DeadlinePassed(stallMs)));
        iterator
          .next()
          .then(resolve, reject)
          .finally(() => timer.stop());
      });
    } catch (error) {
      return error instanceof DeadlinePassed
        ? fault('timeout', `No data came for ${stallMs / 1000} s.`)
        : fault('badRequest', `The data broke off after ${sizeBytes} bytes: ${String(error)}`);
    }
    if (next.done) return Buffer.concat(chunks, sizeBytes);
    const chunk = typeof next.value === 'string' ? Buffer.from(next.value) : next.value;
    sizeBytes += chunk.length;
    if (sizeBytes > maxBytes)
      return fault('tooLarge', `The data is larger than the ${maxBytes} bytes that are allowed.`);
    chunks.push(chunk);
  }
}
