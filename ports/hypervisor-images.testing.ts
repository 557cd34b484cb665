// The part of the hypervisor contract suite about a host's image cache.
import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { describe, it } from 'node:test';
import { fault } from '#contracts/common/fault.ts';
import type { GuestImage } from '#contracts/nova/guest.ts';
import { assertFault, ok, type ContractRun } from './hypervisor-fixture.testing.ts';

export function imageCacheContract(run: ContractRun): void {
  const { guest, expectState } = run;

  describe('the image cache', () => {
    function image(overrides: Partial<GuestImage> = {}): GuestImage {
      const { bytes, diskFormat } = run.fixture.disk;
      return {
        id: randomUUID(),
        diskFormat,
        sizeBytes: bytes.length,
        checksum: createHash('sha512').update(bytes).digest('hex'),
        ...overrides,
      };
    }
    const open = async () => Readable.from([run.fixture.disk.bytes]);

    it('fetches once for callers at the same time and for callers later', async () => {
      const wanted = image();
      let opened = 0;
      const counted = async () => {
        opened += 1;
        return open();
      };
      for (const answer of await Promise.all(
        [1, 2, 3].map(() => run.hypervisor.ensureImage(wanted, counted)),
      ))
        ok(answer);
      ok(await run.hypervisor.ensureImage(wanted, counted));
      assert.equal(opened, 1);
      assert.ok(ok(await run.hypervisor.inventory()).cachedImages.includes(wanted.id));
    });

    it('never shows bytes that do not match, and fetches again', async () => {
      const wanted = image();
      assertFault(
        await run.hypervisor.ensureImage(wanted, async () =>
          Readable.from([Buffer.alloc(wanted.sizeBytes)]),
        ),
        'badRequest',
      );
      assertFault(
        await run.hypervisor.ensureImage(wanted, async () =>
          Readable.from([run.fixture.disk.bytes.subarray(1)]),
        ),
        'badRequest',
      );
      assertFault(
        await run.hypervisor.ensureImage(wanted, async () =>
          Readable.from(brokenStream(run.fixture.disk.bytes)),
        ),
        'unavailable',
      );
      assertFault(
        await run.hypervisor.ensureImage(wanted, async () => fault('notFound', 'no such image')),
        'notFound',
      );
      assert.ok(!ok(await run.hypervisor.inventory()).cachedImages.includes(wanted.id));
      ok(await run.hypervisor.ensureImage(wanted, open));
    });

    it('keeps what is kept, in use or young, and collects the rest', async () => {
      const [keptImage, usedImage, unusedImage] = [image(), image(), image()];
      for (const each of [keptImage, usedImage, unusedImage])
        ok(await run.hypervisor.ensureImage(each, open));
      const spec = guest({ rootDisk: { image: usedImage, sizeGib: 1, bus: 'virtio' } });
      ok(await run.hypervisor.create(spec));
      ok(await run.hypervisor.collectGarbage(new Set([keptImage.id]), 3_600_000));
      assert.ok(
        ok(await run.hypervisor.inventory()).cachedImages.includes(unusedImage.id),
        'young',
      );
      const bootable = [spec.kernel?.kernel.id ?? '', spec.kernel?.ramdisk?.id ?? ''];
      ok(await run.hypervisor.collectGarbage(new Set([keptImage.id, ...bootable]), 0));
      const { cachedImages, brokenOverlays } = ok(await run.hypervisor.inventory());
      assert.deepEqual(
        [keptImage, usedImage, unusedImage].map((each) => cachedImages.includes(each.id)),
        [true, true, false],
      );
      assert.deepEqual(brokenOverlays, []);
      ok(await run.hypervisor.destroy(spec.uuid));
    });

    it('refuses a guest whose image is not cached, and leaves nothing of it', async () => {
      const missing = guest({ rootDisk: { image: image(), sizeGib: 1, bus: 'virtio' } });
      assertFault(await run.hypervisor.create(missing), 'conflict');
      await expectState(missing.uuid, 'absent');
      assert.ok(!ok(await run.hypervisor.inventory()).guestFolders.includes(missing.uuid));
    });
  });
}

async function* brokenStream(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes.subarray(0, 100);
  throw new Error('the source broke');
}
