// Runs the port's contract suite on the simulated driver, in memory and on files, and tests that
// injected failures occur as ordered.
import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { describe, it } from 'node:test';
import { fault } from '#contracts/common/fault.ts';
import { disklessGuest } from '#contracts/nova/diskless-guest.testing.ts';
import type { GuestImage, GuestSpec } from '#contracts/nova/guest.ts';
import { createFakeClock } from '#platform/testing/fake-clock.ts';
import { assertFault, ok, type HypervisorFixture } from '#ports/hypervisor-fixture.testing.ts';
import { migrationContract } from '#ports/hypervisor-migration.testing.ts';
import { hypervisorContract } from '#ports/hypervisor.testing.ts';
import { createSimHypervisor } from './sim-hypervisor.ts';
import { SimCrash } from './sim-trouble.ts';
import { fileStore, inMemoryStore, type SimStore } from './sim-world.ts';

const kernelBytes = Buffer.from('a kernel');
const kernel: GuestImage = {
  id: 'kernel',
  diskFormat: 'aki',
  sizeBytes: kernelBytes.length,
  checksum: createHash('sha512').update(kernelBytes).digest('hex'),
};

async function startFixture(
  store: SimStore,
  close: () => Promise<void>,
): Promise<HypervisorFixture> {
  const open = () => createSimHypervisor({ hostname: 'sim-1' }, { store });
  let hypervisor = open();
  ok(await hypervisor.ensureImage(kernel, async () => Readable.from([kernelBytes])));
  return {
    hypervisor,
    reopen: async () => (hypervisor = open()),
    bootable: { kernel: { kernel, ramdisk: null, commandLine: '' }, rootDisk: null },
    disk: { bytes: Buffer.alloc(4096, 1), diskFormat: 'raw' },
    elsewhere: async () => {
      const other = createSimHypervisor({ hostname: 'sim-2' }, { store });
      ok(await other.ensureImage(kernel, async () => Readable.from([kernelBytes])));
      return other;
    },
    // Simulates the guest's own write, which does not go through the driver's port.
    writeRoot: async (uuid) => hypervisor.writeDisk(uuid, 'written'),
    readRoot: async (host, uuid) => {
      const { disk } = store.load(host === 'here' ? 'sim-1' : 'sim-2').guests.get(uuid) ?? {};
      return disk === 'written' ? 'written' : 'blank';
    },
    bootMs: 1_000,
    volume: async () => ({ protocol: 'sim', volume: randomUUID() }),
    overlay: async () => ({ protocol: 'sim', volume: randomUUID() }),
    close,
  };
}

hypervisorContract('sim in memory', () => startFixture(inMemoryStore(), async () => undefined));

const hosts: [string, () => Promise<[SimStore, () => Promise<void>]>][] = [
  ['sim in memory', async () => [inMemoryStore(), async () => undefined]],
  [
    'sim on files',
    async () => {
      const folder = await mkdtemp(path.join(os.tmpdir(), 'cobalt-sim-'));
      return [fileStore(folder), async () => await rm(folder, { recursive: true })];
    },
  ],
];
for (const [name, world] of hosts)
  migrationContract(name, async () => {
    const [store, close] = await world();
    const base = await startFixture(store, close);
    const open = (hostname: string) => createSimHypervisor({ hostname, migrateMs: 300 }, { store });
    let hypervisor = open('sim-1');
    const destination = open('sim-2');
    ok(await destination.ensureImage(kernel, async () => Readable.from([kernelBytes])));
    return {
      ...base,
      hypervisor,
      destination,
      abandon: async () => {
        await hypervisor.close();
        return (hypervisor = open('sim-1'));
      },
      restless: async (spec) => {
        ok(await hypervisor.create(spec));
        hypervisor.guestIsRestless(spec.uuid);
      },
      slowMib: 1,
    };
  });

hypervisorContract('sim on files', async () => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'cobalt-sim-'));
  return startFixture(
    {
      load: (host) => fileStore(folder).load(host),
      save: (host, state) => fileStore(folder).save(host, state),
      remove: (host) => fileStore(folder).remove(host),
      hostNamed: (host) => fileStore(folder).hostNamed(host),
      others: (host) => fileStore(folder).others(host),
    },
    async () => {
      assert.deepEqual((await readdir(folder)).sort(), ['sim-1.json', 'sim-2.json']);
      await rm(folder, { recursive: true });
    },
  );
});

describe('the simulated hypervisor', () => {
  const spec = (n: number): GuestSpec =>
    disklessGuest({
      uuid: `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`,
      name: `instance-${n}`,
      displayName: `vm-${n}`,
      memoryMib: 64,
    });

  it('shows the banner once the boot time has passed on its clock', async () => {
    const clock = createFakeClock({ startMs: 1_000, movedBy: 'advance' });
    const sim = createSimHypervisor({ hostname: 'h', bootMs: 500 }, { clock });
    ok(await sim.create(spec(1)));
    assert.ok(!ok(await sim.consoleLog(spec(1).uuid, 1000)).includes('vm-1 login:'));
    clock.nowMs += 500;
    assert.ok(ok(await sim.consoleLog(spec(1).uuid, 1000)).includes('vm-1 login:'));
  });

  it('meets troubles in order, then works again', async () => {
    const sim = createSimHypervisor({ hostname: 'h' });
    sim.trouble('create', { kind: 'fault', fault: fault('unavailable', 'no hypervisor') });
    sim.trouble('create', { kind: 'crashBefore' });
    sim.trouble('create', { kind: 'lostAnswer', fault: fault('timeout', 'too late') });
    assertFault(await sim.create(spec(1)), 'unavailable');
    await assert.rejects(sim.create(spec(1)), SimCrash);
    assert.equal(await sim.state(spec(1).uuid), 'absent');
    assertFault(await sim.create(spec(1)), 'timeout');
    assert.equal(await sim.state(spec(1).uuid), 'running');
    ok(await sim.create(spec(1)));
  });

  it('loses power and guests like a real host', async () => {
    const sim = createSimHypervisor({ hostname: 'h' });
    ok(await sim.create(spec(1)));
    ok(await sim.create(spec(2)));
    sim.guestEnds(spec(1).uuid, 'crashed');
    assert.equal(await sim.state(spec(1).uuid), 'crashed');
    sim.powerFailure();
    assert.deepEqual(
      ok(await sim.list()).map((guest) => guest.state),
      ['crashed', 'crashed'],
    );
  });

  it('holds ten thousand guests in a process', async () => {
    const sim = createSimHypervisor({ hostname: 'h' });
    for (let n = 0; n < 10_000; n += 1) ok(await sim.create(spec(n)));
    assert.equal(ok(await sim.list()).length, 10_000);
  });
});
