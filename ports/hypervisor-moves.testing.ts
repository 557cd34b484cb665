// The part of the hypervisor contract suite about cold moves: one host offers the disks of a guest
// that is off, another host fetches them and owns the guest from then on.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { after, before, describe, it } from 'node:test';
import type { GuestImage, GuestSpec } from '#contracts/nova/guest.ts';
import { assertFault, ok, type ContractRun } from './hypervisor-fixture.testing.ts';
import type { Hypervisor } from './hypervisor.ts';

const forMs = 60_000;

/**
 * Whether the guest is off: a driver cannot tell `shutoff` from `crashed` for a guest that has not
 * run under this definition.
 */
const isOff = (state: unknown): boolean => state === 'shutoff' || state === 'crashed';

export function moveContract(run: ContractRun): void {
  describe('moves', () => {
    let elsewhere: Hypervisor;
    before(async () => (elsewhere = await run.fixture.elsewhere()));
    after(async () => await elsewhere?.close());

    const image = async (): Promise<GuestImage> => {
      const { bytes, diskFormat } = run.fixture.disk;
      const sourceImage = { id: randomUUID(), diskFormat, sizeBytes: bytes.length, checksum: '' };
      for (const host of [run.hypervisor, elsewhere])
        ok(await host.ensureImage(sourceImage, async () => Readable.from([bytes])));
      return sourceImage;
    };
    const withDisk = async (change: Partial<GuestSpec> = {}): Promise<GuestSpec> =>
      run.guest({ rootDisk: { image: await image(), sizeGib: 1, bus: 'virtio' }, ...change });
    const larger = (spec: GuestSpec): GuestSpec => ({
      ...spec,
      memoryMib: 160,
      rootDisk: spec.rootDisk && { ...spec.rootDisk, sizeGib: 2 },
    });

    it('carry what the guest has written to another host, where it runs with its new size', async () => {
      const spec = await withDisk({ ephemeralGib: 1 });
      ok(await run.hypervisor.create(spec));
      assertFault(await run.hypervisor.offerDisks(spec.uuid, { flat: false, forMs }), 'conflict');
      ok(await run.hypervisor.stop(spec.uuid, 0));
      await run.fixture.writeRoot(spec.uuid);
      const offer = ok(await run.hypervisor.offerDisks(spec.uuid, { flat: false, forMs }));
      ok(await elsewhere.fetchDisks(larger(spec), offer));
      assert.ok(isOff(await elsewhere.state(spec.uuid)));
      ok(await elsewhere.fetchDisks(larger(spec), offer)); // repeated: the first answer was lost
      ok(await run.hypervisor.withdrawDisks(spec.uuid));
      assert.equal(await run.fixture.readRoot('elsewhere', spec.uuid), 'written');
      ok(await elsewhere.create(larger(spec)));
      assert.equal(await elsewhere.state(spec.uuid), 'running');
      // The source keeps the guest unchanged, for a revert.
      assert.equal(await run.hypervisor.state(spec.uuid), 'shutoff');
      assert.equal(await run.fixture.readRoot('here', spec.uuid), 'written');
      ok(await elsewhere.destroy(spec.uuid));
      ok(await run.hypervisor.create(spec, false));
      assert.ok(isOff(await run.hypervisor.state(spec.uuid)));
      ok(await run.hypervisor.create(spec));
      assert.equal(await run.hypervisor.state(spec.uuid), 'running');
      ok(await run.hypervisor.destroy(spec.uuid));
    });

    it('end with the offer: once withdrawn, or started again, nothing can be fetched', async () => {
      const spec = await withDisk();
      ok(await run.hypervisor.create(spec));
      ok(await run.hypervisor.stop(spec.uuid, 0));
      const offer = async () =>
        ok(await run.hypervisor.offerDisks(spec.uuid, { flat: false, forMs }));
      const withdrawn = await offer();
      ok(await run.hypervisor.withdrawDisks(spec.uuid));
      ok(await run.hypervisor.withdrawDisks(spec.uuid));
      assertFault(await elsewhere.fetchDisks(spec, withdrawn), 'unavailable');
      assert.equal(await elsewhere.state(spec.uuid), 'absent');
      const started = await offer();
      ok(await run.hypervisor.start(spec.uuid));
      assertFault(await elsewhere.fetchDisks(spec, started), 'unavailable');
      ok(await run.hypervisor.destroy(spec.uuid));
      ok(await run.hypervisor.withdrawDisks(spec.uuid));
    });

    it('are refused without the key, to a smaller disk, and onto a guest that runs', async () => {
      const spec = larger(await withDisk());
      ok(await run.hypervisor.create(spec));
      ok(await run.hypervisor.stop(spec.uuid, 0));
      const offer = ok(await run.hypervisor.offerDisks(spec.uuid, { flat: false, forMs }));
      const key = offer.key.replace(/.$/, (last) => (last === '0' ? '1' : '0'));
      assertFault(await elsewhere.fetchDisks(spec, { ...offer, key }), 'unavailable');
      const smaller = { ...spec, rootDisk: spec.rootDisk && { ...spec.rootDisk, sizeGib: 1 } };
      assertFault(await elsewhere.fetchDisks(smaller, offer), 'badRequest');
      assert.equal(await elsewhere.state(spec.uuid), 'absent');
      ok(await elsewhere.fetchDisks(spec, offer));
      ok(await elsewhere.create(spec));
      assertFault(await elsewhere.fetchDisks(spec, offer), 'conflict');
      assert.equal(await elsewhere.state(spec.uuid), 'running');
      ok(await elsewhere.destroy(spec.uuid));
      ok(await run.hypervisor.destroy(spec.uuid));
    });
  });
}
