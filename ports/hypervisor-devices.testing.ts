// The part of the hypervisor contract suite about a guest's devices: interfaces, volumes, disks.
import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { it } from 'node:test';
import { assertFault, ok, type ContractRun } from './hypervisor-fixture.testing.ts';

export function deviceContract(run: ContractRun): void {
  const { guest, nic, volume, booted } = run;

  it('plugs interfaces in and out, running or off, and keeps them over a restart', async () => {
    const [first, second, third] = [nic(), nic(), nic()];
    const spec = guest({ nics: [first] });
    ok(await run.hypervisor.create(spec));
    await booted(spec); // a guest accepts hot-plug only once its kernel runs
    for (const again of [1, 2]) {
      ok(await run.hypervisor.attachNic(spec.uuid, second));
      assert.deepEqual(
        ok(await run.hypervisor.nics(spec.uuid)),
        [first.portId, second.portId],
        `attached ${again} times`,
      );
    }
    ok(await run.hypervisor.stop(spec.uuid, 0));
    ok(await run.hypervisor.attachNic(spec.uuid, third));
    ok(await run.hypervisor.start(spec.uuid));
    assert.deepEqual(ok(await run.hypervisor.nics(spec.uuid)), [
      first.portId,
      second.portId,
      third.portId,
    ]);
    await booted(spec, 2);
    ok(await run.hypervisor.detachNic(spec.uuid, second.portId));
    ok(await run.hypervisor.detachNic(spec.uuid, second.portId));
    ok(await run.hypervisor.reboot(spec.uuid, 'hard', 0));
    assert.deepEqual(ok(await run.hypervisor.nics(spec.uuid)), [first.portId, third.portId]);
    ok(await run.hypervisor.stop(spec.uuid, 0));
    ok(await run.hypervisor.detachNic(spec.uuid, first.portId));
    assert.deepEqual(ok(await run.hypervisor.nics(spec.uuid)), [third.portId]);
    ok(await run.hypervisor.destroy(spec.uuid));
  });

  it('plugs volumes in and out, running or off, and keeps them over a restart', async () => {
    const [first, second, third] = [await volume('vdc'), await volume('vdd'), await volume('vde')];
    const spec = guest({ volumes: [first] });
    ok(await run.hypervisor.create(spec));
    await booted(spec);
    for (const again of [1, 2]) {
      ok(await run.hypervisor.attachVolume(spec.uuid, second));
      assert.deepEqual(
        ok(await run.hypervisor.volumes(spec.uuid)),
        [first.volumeId, second.volumeId],
        `attached ${again} times`,
      );
    }
    assertFault(
      await run.hypervisor.attachVolume(spec.uuid, { ...third, device: 'vdd' }),
      'conflict',
    );
    ok(await run.hypervisor.stop(spec.uuid, 0));
    ok(await run.hypervisor.attachVolume(spec.uuid, third));
    ok(await run.hypervisor.start(spec.uuid));
    assert.deepEqual(
      ok(await run.hypervisor.volumes(spec.uuid)),
      [first, second, third].map(({ volumeId }) => volumeId),
    );
    await booted(spec, 2);
    for (const _ of [1, 2]) ok(await run.hypervisor.detachVolume(spec.uuid, second.volumeId));
    ok(await run.hypervisor.reboot(spec.uuid, 'hard', 0));
    assert.deepEqual(ok(await run.hypervisor.volumes(spec.uuid)), [first.volumeId, third.volumeId]);
    ok(await run.hypervisor.stop(spec.uuid, 0));
    ok(await run.hypervisor.detachVolume(spec.uuid, first.volumeId));
    assert.deepEqual(ok(await run.hypervisor.volumes(spec.uuid)), [third.volumeId]);
    ok(await run.hypervisor.destroy(spec.uuid));
  });

  it('tells where a running guest finds its devices', async () => {
    const [plugged, later] = [await volume('vdb'), await volume('vdc')];
    const spec = guest({ nics: [nic()], volumes: [plugged] });
    const currentAddresses = async () => ok(await run.hypervisor.pciAddresses(spec.uuid));
    ok(await run.hypervisor.create(spec));
    await booted(spec);
    ok(await run.hypervisor.attachVolume(spec.uuid, later));
    const addresses = await currentAddresses();
    for (const name of [spec.nics[0]?.portId ?? '', 'vdb', 'vdc'])
      assert.ok(Object.hasOwn(addresses, name), `${name} in ${JSON.stringify(addresses)}`);
    for (const address of Object.values(addresses))
      assert.match(address, /^[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/);
    assert.equal(new Set(Object.values(addresses)).size, Object.keys(addresses).length);
    ok(await run.hypervisor.detachVolume(spec.uuid, later.volumeId));
    const { vdc: _gone, ...others } = addresses;
    assert.deepEqual(await currentAddresses(), others);
    ok(await run.hypervisor.stop(spec.uuid, 0));
    assert.deepEqual(await currentAddresses(), {});
    ok(await run.hypervisor.destroy(spec.uuid));
  });

  it('grows volumes of guests, running or off, and never shrinks them', async () => {
    const grownVolume = await volume('vdb');
    const spec = guest({ volumes: [grownVolume] });
    ok(await run.hypervisor.create(spec));
    for (const _ of [1, 2])
      ok(await run.hypervisor.resizeVolume(spec.uuid, grownVolume.volumeId, 3));
    assertFault(await run.hypervisor.resizeVolume(spec.uuid, grownVolume.volumeId, 2), 'conflict');
    assertFault(await run.hypervisor.resizeVolume(spec.uuid, randomUUID(), 2), 'notFound');
    ok(await run.hypervisor.stop(spec.uuid, 0));
    for (const _ of [1, 2])
      ok(await run.hypervisor.resizeVolume(spec.uuid, grownVolume.volumeId, 4));
    assertFault(await run.hypervisor.resizeVolume(spec.uuid, grownVolume.volumeId, 3), 'conflict');
    ok(await run.hypervisor.start(spec.uuid));
    ok(await run.hypervisor.destroy(spec.uuid));
  });

  it("sends a volume's writes to another image, running or off, once", async () => {
    const switched = await volume('vdb');
    const spec = guest({ volumes: [switched] });
    ok(await run.hypervisor.create(spec));
    await booted(spec);
    const next = await run.fixture.overlay(switched.connection);
    const last = await run.fixture.overlay(next);
    for (const _ of [1, 2])
      ok(await run.hypervisor.snapshotVolume(spec.uuid, switched.volumeId, next));
    ok(await run.hypervisor.resizeVolume(spec.uuid, switched.volumeId, 2));
    ok(await run.hypervisor.stop(spec.uuid, 0));
    for (const _ of [1, 2])
      ok(await run.hypervisor.snapshotVolume(spec.uuid, switched.volumeId, last));
    ok(await run.hypervisor.start(spec.uuid));
    assertFault(await run.hypervisor.snapshotVolume(spec.uuid, randomUUID(), next), 'notFound');
    await booted(spec, 2);
    ok(await run.hypervisor.detachVolume(spec.uuid, switched.volumeId));
    assert.deepEqual(ok(await run.hypervisor.volumes(spec.uuid)), []);
    ok(await run.hypervisor.destroy(spec.uuid));
  });

  it('copies the root disk of a guest, running or off, and of no guest without one', async () => {
    const spec = guest({ rootDisk: { image: null, sizeGib: 1, bus: 'virtio' } });
    ok(await run.hypervisor.create(spec));
    for (const next of ['runs', 'is stopped', 'is off'] as const) {
      const copy = ok(await run.hypervisor.snapshotRoot(spec.uuid));
      const bytes = Buffer.concat(await Array.fromAsync(copy.open() as AsyncIterable<Buffer>));
      assert.equal(bytes.length, copy.sizeBytes);
      assert.equal(bytes.subarray(0, 4).toString('latin1'), 'QFI\xfb', 'qcow2');
      assert.ok(
        copy.sizeBytes < 16 * 1024 ** 2,
        `a blank disk of 1 GiB is not written out: ${copy.sizeBytes} bytes`,
      );
      for (const _ of [1, 2]) await copy.remove();
      if (next === 'is stopped') ok(await run.hypervisor.stop(spec.uuid, 0));
    }
    ok(await run.hypervisor.destroy(spec.uuid));
    const rootless = guest({ rootDisk: null });
    ok(await run.hypervisor.create(rootless));
    assertFault(await run.hypervisor.snapshotRoot(rootless.uuid), 'conflict');
    ok(await run.hypervisor.destroy(rootless.uuid));
  });
  it('copies the data of an image into a root disk that is to outlive the image', async () => {
    const { bytes, diskFormat } = run.fixture.disk;
    const image = {
      id: randomUUID(),
      diskFormat,
      sizeBytes: bytes.length,
      checksum: createHash('sha512').update(bytes).digest('hex'),
    };
    ok(await run.hypervisor.ensureImage(image, async () => Readable.from([bytes])));
    const rootDisk = { image, sizeGib: 1, bus: 'virtio', isCopy: true } as const;
    const spec = guest({ rootDisk });
    ok(await run.hypervisor.create(spec));
    await booted(spec);
    const others = [spec.kernel?.kernel.id ?? '', spec.kernel?.ramdisk?.id ?? ''];
    ok(await run.hypervisor.collectGarbage(new Set(others), 0));
    const { cachedImages, brokenOverlays } = ok(await run.hypervisor.inventory());
    assert.ok(!cachedImages.includes(image.id));
    assert.deepEqual(brokenOverlays, []);
    ok(await run.hypervisor.reboot(spec.uuid, 'hard', 0));
    await booted(spec, 2);
    ok(await run.hypervisor.destroy(spec.uuid));
  });
}
