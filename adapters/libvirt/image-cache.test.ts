// The image cache without a libvirtd: who shares a fetch, what ends it, and which images are
// accepted.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { acceptedFormats } from '#adapters/qemu-img/disk-formats.testing.ts';
import { createQemuDiskImages } from '#adapters/qemu-img/qemu-disk-images.ts';
import { fault, isFault, type Outcome } from '#contracts/common/fault.ts';
import { silentLog } from '#platform/log.ts';
import { eventually } from '#platform/testing/eventually.ts';
import { whatIsMissing } from '#platform/testing/real-daemon.ts';
import type { DiskImages } from '#ports/disk-images.ts';
import { HostFolder } from './host-folder.ts';
import { ImageCache } from './image-cache.ts';

const run = promisify(execFile);
const skip =
  (await whatIsMissing(['/usr/bin/qemu-img', '/usr/bin/qemu-nbd', '/usr/bin/bwrap'])) ?? false;
const mib = 2 ** 20;
const kindOf = (outcome: Outcome<unknown>): string =>
  isFault(outcome) ? outcome.kind : 'accepted';

describe('the image cache', () => {
  let folder = '';
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cobalt-cache-'));
  });
  afterEach(async () => await rm(folder, { recursive: true, force: true }));
  const cached = async (): Promise<string[]> => await readdir(join(folder, 'images'));
  const cacheWith = (images: DiskImages): ImageCache =>
    new ImageCache(new HostFolder(folder, '/run/x'), images);

  describe('shares a fetch', () => {
    const image = { id: 'shared', diskFormat: 'vmdk', sizeBytes: 0, checksum: '' };
    const small = async (): Promise<Readable> => Readable.from([Buffer.from('small')]);
    /** A conversion that runs until it is aborted. */
    function endless() {
      const observation = { maxVirtualBytes: 0, ended: false };
      const convert: DiskImages['convert'] = async (
        _image,
        maxVirtualBytes,
        _target,
        { signal },
      ) => {
        observation.maxVirtualBytes = maxVirtualBytes;
        await new Promise((resolve) => signal?.addEventListener('abort', resolve));
        observation.ended = true;
        return fault('timeout', 'ended');
      };
      // records conversions: only a vmdk needs one
      return { seen: observation, cache: cacheWith({ convert } as unknown as DiskImages) };
    }

    it('until the last who waits for it goes', async () => {
      const { seen: observation, cache } = endless();
      const [first, second] = [new AbortController(), new AbortController()];
      const waiting = [
        cache.ensure(image, small, { signal: first.signal, maxVirtualBytes: 1 * mib }),
        cache.ensure(image, small, { signal: second.signal, maxVirtualBytes: 2 * mib }),
      ] as const;
      await eventually(() => observation.maxVirtualBytes > 0, {
        withinMs: 5_000,
        what: 'the conversion to begin',
      });
      assert.equal(observation.maxVirtualBytes, 2 * mib, 'the largest that anybody waits for');
      first.abort();
      assert.equal(kindOf(await waiting[0]), 'timeout');
      assert.equal(observation.ended, false, 'another waits');
      second.abort();
      assert.equal(kindOf(await waiting[1]), 'timeout');
      assert.equal(observation.ended, true);
      assert.deepEqual(await cached(), []);
    });

    it('and begins another when the last one was given up', async () => {
      const { seen: observation, cache } = endless();
      const nobody = new AbortController();
      const pendingFetch = cache.ensure(image, small, { signal: nobody.signal });
      await eventually(() => observation.maxVirtualBytes > 0, {
        withinMs: 5_000,
        what: 'the conversion to begin',
      });
      nobody.abort();
      let opened = 0;
      const again = cache.ensure(image, async () => {
        opened += 1;
        return fault('notFound', 'no such image');
      });
      assert.equal(kindOf(await pendingFetch), 'timeout');
      assert.equal(kindOf(await again), 'notFound');
      assert.equal(opened, 1);
      assert.equal(
        kindOf(await cache.ensure(image, small, { signal: AbortSignal.abort() })),
        'timeout',
      );
    });

    it('and lets go of a source that sends no end', async () => {
      const { cache } = endless();
      const nobody = new AbortController();
      const source = new Readable({ read: () => undefined });
      const waiting = cache.ensure(image, async () => source, { signal: nobody.signal });
      await eventually(async () => (await cached().catch(() => [])).length > 0, {
        withinMs: 5_000,
        what: 'the download to begin',
      });
      nobody.abort();
      assert.equal(kindOf(await waiting), 'timeout');
      assert.ok(source.destroyed);
      assert.deepEqual(await cached(), []);
    });
  });

  describe('lets in', { skip }, () => {
    const descriptor = (...types: string[]): string =>
      [
        '# Disk DescriptorFile',
        'version=1',
        'CID=12345678',
        'parentCID=ffffffff',
        ...types.map((type) => `createType="${type}"`),
        'RW 2048 FLAT "/etc/passwd" 0',
        '',
      ].join('\n');
    let count = 0;
    const ensure = async (
      diskFormat: string,
      path: string,
      maxVirtualBytes?: number,
    ): Promise<Outcome<void>> => {
      const { size } = await stat(path);
      return await cacheWith(createQemuDiskImages({ log: silentLog })).ensure(
        { id: `i${(count += 1)}`, diskFormat, sizeBytes: size, checksum: '' },
        async () => createReadStream(path),
        maxVirtualBytes === undefined ? {} : { maxVirtualBytes },
      );
    };

    it('images that stand on their own, in every format', async () => {
      for (const [diskFormat, format, ...options] of [
        ...acceptedFormats,
        ['vhd', 'vpc'],
      ] as const) {
        const path = join(folder, 'image');
        await run('qemu-img', ['create', '-q', '-f', format, ...options, path, '4M']);
        assert.equal(kindOf(await ensure(diskFormat, path)), 'accepted', diskFormat);
      }
      assert.deepEqual(
        new Set((await cached()).map((name) => name.split('.')[1])),
        new Set(['raw', 'qcow2']),
      );
    });

    it('no VMDK that names other files, whatever type it says to be first or last', async () => {
      for (const types of [
        ['monolithicFlat'],
        ['monolithicSparse', 'monolithicFlat'],
        ['monolithicFlat', 'streamOptimized'],
        ['monolithicSparse'],
        ['vmfs'],
        [],
      ]) {
        const path = join(folder, 'image.vmdk');
        await writeFile(path, descriptor(...types));
        assert.equal(kindOf(await ensure('vmdk', path)), 'badRequest', types.join());
      }
      assert.deepEqual(await cached(), []);
    });

    it('no disk that is larger than it may be, before anything is converted', async () => {
      for (const [diskFormat, format] of [
        ['qcow2', 'qcow2'],
        ['vmdk', 'vmdk'],
        ['vdi', 'vdi'],
        ['vhdx', 'vhdx'],
        ['raw', 'raw'],
      ] as const) {
        const path = join(folder, 'image');
        await run('qemu-img', ['create', '-q', '-f', format, path, '32M']);
        assert.equal(kindOf(await ensure(diskFormat, path, 31 * mib)), 'tooLarge', diskFormat);
        assert.equal(kindOf(await ensure(diskFormat, path, 32 * mib)), 'accepted', diskFormat);
      }
    });
  });
});
