// The contract of ports/hypervisor.ts as tests. Every driver runs them: adapters/sim/sim.test.ts,
// adapters/libvirt/libvirt.test.ts.
import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import net from 'node:net';
import { Readable } from 'node:stream';
import { after, before, describe, it } from 'node:test';
import type { VolumeConnection } from '#contracts/cinder/volume-connection.ts';
import { fault, isFault, type Outcome } from '#contracts/common/fault.ts';
import type {
  GuestEvent,
  GuestImage,
  GuestNic,
  GuestSpec,
  GuestState,
  GuestVolume,
} from '#contracts/nova/guest.ts';
import { eventually } from '#platform/testing/eventually.ts';
import type { Hypervisor } from './hypervisor.ts';

/** A driver over one host, and what the suite needs to know of it. */
export interface HypervisorBench {
  hypervisor: Hypervisor;
  /**
   * Closes the driver and makes another one over the same host: what a restart of the agent does.
   */
  reopen(): Promise<Hypervisor>;
  /**
   * What boots a guest that prints `<hostname of its config drive> login:` and hears ACPI. Already
   * in the cache.
   */
  bootable: Pick<GuestSpec, 'kernel' | 'rootDisk'>;
  /** A disk image of 16 MiB virtual size, as bytes. */
  disk: { bytes: Buffer; diskFormat: 'qcow2' | 'raw' };
  /** How long a guest may take to boot here. */
  bootMs: number;
  /**
   * A new volume of 1 GiB that the host reaches, and an image on top of another, as a snapshot
   * needs it.
   */
  volume(): Promise<VolumeConnection>;
  overlay(of: VolumeConnection): Promise<VolumeConnection>;
  close(): Promise<void>;
}

export function hypervisorContract(name: string, setup: () => Promise<HypervisorBench>): void {
  describe(`hypervisor contract: ${name}`, () => {
    let bench: HypervisorBench;
    let hypervisor: Hypervisor;
    let guests = 0;
    before(async () => {
      bench = await setup();
      hypervisor = bench.hypervisor;
    });
    after(() => bench?.close());

    function guest(overrides: Partial<GuestSpec> = {}): GuestSpec {
      guests += 1;
      const displayName = overrides.displayName ?? `vm-${guests}`;
      return {
        uuid: randomUUID(),
        name: `instance-${String(guests).padStart(8, '0')}`,
        displayName,
        projectId: 'p1',
        userId: 'u1',
        vcpus: 1,
        memoryMib: 128,
        ephemeralGib: 0,
        swapMib: 0,
        ...bench.bootable,
        configDrive: {
          'openstack/latest/meta_data.json': Buffer.from(
            JSON.stringify({ hostname: displayName }),
          ).toString('base64'),
        },
        machineType: null,
        cpuModel: null,
        nics: [],
        volumes: [],
        ...overrides,
      };
    }

    function nic(): GuestNic {
      const portId = randomUUID();
      return {
        portId,
        mac: `fa:16:3e:${portId.slice(0, 6).replace(/(..)(?=.)/g, '$1:')}`,
        mtu: 1442,
        bridge: 'br-int',
        model: 'virtio',
      };
    }

    async function volume(device: string): Promise<GuestVolume> {
      return {
        volumeId: randomUUID(),
        connection: await bench.volume(),
        device,
        bus: 'virtio',
        bootIndex: null,
      };
    }

    async function expectState(uuid: string, state: GuestState): Promise<void> {
      assert.equal(await hypervisor.state(uuid), state);
      const listed = ok(await hypervisor.list()).find((each) => each.uuid === uuid);
      assert.equal(listed?.state ?? 'absent', state);
    }

    function booted(spec: GuestSpec, times = 1): Promise<unknown> {
      const banner = `${spec.displayName} login:`;
      return eventually(
        async () =>
          ok(await hypervisor.consoleLog(spec.uuid, 64 * 1024)).split(banner).length > times,
        { withinMs: bench.bootMs, what: `boot ${times} of ${spec.displayName}` },
      );
    }

    it('tells measured facts of the host', async () => {
      const facts = ok(await hypervisor.facts());
      assert.ok(
        facts.vcpus > 0 &&
          facts.memoryMib > 0 &&
          facts.diskGib >= facts.freeDiskGib &&
          facts.hypervisorVersion > 0,
      );
      assert.ok(facts.hostname !== '' && facts.traits.includes('COMPUTE_NODE'));
    });

    it('answers notFound for a guest that is not there, and destroys it all the same', async () => {
      const uuid = randomUUID();
      await expectState(uuid, 'absent');
      const answers = [
        hypervisor.start(uuid),
        hypervisor.stop(uuid, 1_000),
        hypervisor.reboot(uuid, 'hard', 0),
        hypervisor.pause(uuid),
        hypervisor.unpause(uuid),
        hypervisor.suspend(uuid),
        hypervisor.resume(uuid),
        hypervisor.unrescue(uuid),
        hypervisor.rescue(uuid, guest()),
        hypervisor.consoleLog(uuid, 10),
        hypervisor.vncSocket(uuid),
        hypervisor.agentCommand(uuid, 'guest-ping', null, 100),
        hypervisor.diagnostics(uuid),
        hypervisor.attachNic(uuid, nic()),
        hypervisor.detachNic(uuid, nic().portId),
        hypervisor.nics(uuid),
        hypervisor.attachVolume(uuid, await volume('vdb')),
        hypervisor.detachVolume(uuid, randomUUID()),
        hypervisor.volumes(uuid),
        hypervisor.resizeVolume(uuid, randomUUID(), 2),
        hypervisor.snapshotVolume(uuid, randomUUID(), await bench.volume()),
        hypervisor.snapshotRoot(uuid),
        hypervisor.pciAddresses(uuid),
      ] satisfies Promise<Outcome<unknown>>[];
      for (const answer of await Promise.all(answers)) assertFault(answer, 'notFound');
      ok(await hypervisor.destroy(uuid));
    });

    describe('the image cache', () => {
      function image(overrides: Partial<GuestImage> = {}): GuestImage {
        const { bytes, diskFormat } = bench.disk;
        return {
          id: randomUUID(),
          diskFormat,
          sizeBytes: bytes.length,
          checksum: createHash('sha512').update(bytes).digest('hex'),
          ...overrides,
        };
      }
      const open = async () => Readable.from([bench.disk.bytes]);

      it('fetches once for callers at the same time and for callers later', async () => {
        const wanted = image();
        let opened = 0;
        const counted = async () => {
          opened += 1;
          return open();
        };
        for (const answer of await Promise.all(
          [1, 2, 3].map(() => hypervisor.ensureImage(wanted, counted)),
        ))
          ok(answer);
        ok(await hypervisor.ensureImage(wanted, counted));
        assert.equal(opened, 1);
        assert.ok(ok(await hypervisor.inventory()).cachedImages.includes(wanted.id));
      });

      it('never shows bytes that do not match, and fetches again', async () => {
        const wanted = image();
        assertFault(
          await hypervisor.ensureImage(wanted, async () =>
            Readable.from([Buffer.alloc(wanted.sizeBytes)]),
          ),
          'badRequest',
        );
        assertFault(
          await hypervisor.ensureImage(wanted, async () =>
            Readable.from([bench.disk.bytes.subarray(1)]),
          ),
          'badRequest',
        );
        assertFault(
          await hypervisor.ensureImage(wanted, async () =>
            Readable.from(brokenStream(bench.disk.bytes)),
          ),
          'unavailable',
        );
        assertFault(
          await hypervisor.ensureImage(wanted, async () => fault('notFound', 'no such image')),
          'notFound',
        );
        assert.ok(!ok(await hypervisor.inventory()).cachedImages.includes(wanted.id));
        ok(await hypervisor.ensureImage(wanted, open));
      });

      it('keeps what is kept, in use or young, and collects the rest', async () => {
        const [kept, used, unused] = [image(), image(), image()];
        for (const each of [kept, used, unused]) ok(await hypervisor.ensureImage(each, open));
        const spec = guest({ rootDisk: { image: used, sizeGib: 1, bus: 'virtio' } });
        ok(await hypervisor.create(spec));
        ok(await hypervisor.collectGarbage(new Set([kept.id]), 3_600_000));
        assert.ok(ok(await hypervisor.inventory()).cachedImages.includes(unused.id), 'young');
        const bootable = [spec.kernel?.kernel.id ?? '', spec.kernel?.ramdisk?.id ?? ''];
        ok(await hypervisor.collectGarbage(new Set([kept.id, ...bootable]), 0));
        const { cachedImages, brokenOverlays } = ok(await hypervisor.inventory());
        assert.deepEqual(
          [kept, used, unused].map((each) => cachedImages.includes(each.id)),
          [true, true, false],
        );
        assert.deepEqual(brokenOverlays, []);
        ok(await hypervisor.destroy(spec.uuid));
      });

      it('refuses a guest whose image is not cached, and leaves nothing of it', async () => {
        const missing = guest({ rootDisk: { image: image(), sizeGib: 1, bus: 'virtio' } });
        assertFault(await hypervisor.create(missing), 'conflict');
        await expectState(missing.uuid, 'absent');
        assert.ok(!ok(await hypervisor.inventory()).guestFolders.includes(missing.uuid));
      });
    });

    it('boots a guest that reads its config drive and tells its name on the console', async () => {
      const spec = guest({ displayName: 'first-light', ephemeralGib: 1, swapMib: 16 });
      ok(await hypervisor.create(spec));
      await expectState(spec.uuid, 'running');
      await booted(spec);
      assert.equal(ok(await hypervisor.consoleLog(spec.uuid, 5)).length, 5);
      const diagnostics = ok(await hypervisor.diagnostics(spec.uuid));
      assert.equal(diagnostics.state, 'running');
      assert.equal(diagnostics.memoryMib, 128);
      await speaksRfb(await hypervisor.vncSocket(spec.uuid));

      ok(await hypervisor.create(spec)); // again: a running guest is left alone
      assert.equal(
        ok(await hypervisor.consoleLog(spec.uuid, 64 * 1024)).split('first-light login:').length,
        2,
      );

      ok(await hypervisor.reboot(spec.uuid, 'soft', bench.bootMs));
      await expectState(spec.uuid, 'running');
      await booted(spec, 2);
      ok(await hypervisor.reboot(spec.uuid, 'hard', 0));
      await booted(spec, 3);
      ok(await hypervisor.stop(spec.uuid, bench.bootMs));
      await expectState(spec.uuid, 'shutoff');
      ok(await hypervisor.stop(spec.uuid, 1_000));
      assertFault(await hypervisor.vncSocket(spec.uuid), 'conflict');
      assert.equal(ok(await hypervisor.diagnostics(spec.uuid)).state, 'shutoff');
      ok(await hypervisor.start(spec.uuid));
      ok(await hypervisor.start(spec.uuid));
      await expectState(spec.uuid, 'running');
      ok(await hypervisor.destroy(spec.uuid));
      await expectState(spec.uuid, 'absent');
      ok(await hypervisor.destroy(spec.uuid));
      assert.ok(!ok(await hypervisor.inventory()).guestFolders.includes(spec.uuid));
    });

    it('pauses, suspends and comes back, and says conflict where the state forbids it', async () => {
      const spec = guest();
      ok(await hypervisor.create(spec));
      for (const [step, state] of [
        [() => hypervisor.pause(spec.uuid), 'paused'],
        [() => hypervisor.pause(spec.uuid), 'paused'],
        [() => hypervisor.unpause(spec.uuid), 'running'],
        [() => hypervisor.unpause(spec.uuid), 'running'],
        [() => hypervisor.suspend(spec.uuid), 'suspended'],
        [() => hypervisor.suspend(spec.uuid), 'suspended'],
        [() => hypervisor.resume(spec.uuid), 'running'],
        [() => hypervisor.resume(spec.uuid), 'running'],
        [() => hypervisor.stop(spec.uuid, 0), 'shutoff'],
      ] satisfies [() => Promise<Outcome<void>>, GuestState][]) {
        ok(await step());
        await expectState(spec.uuid, state);
      }
      for (const refused of [
        hypervisor.pause(spec.uuid),
        hypervisor.unpause(spec.uuid),
        hypervisor.suspend(spec.uuid),
        hypervisor.resume(spec.uuid),
      ])
        assertFault(await refused, 'conflict');
      ok(await hypervisor.reboot(spec.uuid, 'hard', 0)); // whatever the state was
      await expectState(spec.uuid, 'running');
      ok(await hypervisor.destroy(spec.uuid));
    });

    it('rescues with another system and gives the guest back', async () => {
      const spec = guest({ rootDisk: { image: null, sizeGib: 1, bus: 'virtio' } });
      ok(await hypervisor.create(spec));
      const rescue = guest({
        displayName: `${spec.displayName}-rescue`,
        rootDisk: { image: null, sizeGib: 2, bus: 'virtio' },
      });
      ok(await hypervisor.rescue(spec.uuid, rescue));
      await expectState(spec.uuid, 'running');
      await eventually(
        async () =>
          ok(await hypervisor.consoleLog(spec.uuid, 64 * 1024)).includes(
            `${spec.displayName}-rescue login:`,
          ),
        { withinMs: bench.bootMs, what: 'the rescue system is up' },
      );
      ok(await hypervisor.rescue(spec.uuid, rescue));
      ok(await hypervisor.unrescue(spec.uuid));
      await expectState(spec.uuid, 'running');
      await booted(spec);
      ok(await hypervisor.unrescue(spec.uuid));
      ok(await hypervisor.destroy(spec.uuid));
    });

    it('rebuilds under the same uuid, off or on', async () => {
      const spec = guest({ rootDisk: { image: null, sizeGib: 1, bus: 'virtio' } });
      ok(await hypervisor.create(spec));
      ok(await hypervisor.rebuild(spec, false));
      await expectState(spec.uuid, 'shutoff');
      ok(await hypervisor.rebuild(spec, true));
      await expectState(spec.uuid, 'running');
      ok(await hypervisor.destroy(spec.uuid));
    });

    it('plugs interfaces in and out, running or off, and keeps them over a restart', async () => {
      const [first, second, third] = [nic(), nic(), nic()];
      const spec = guest({ nics: [first] });
      ok(await hypervisor.create(spec));
      await booted(spec); // a guest hears of changes once its kernel runs
      for (const again of [1, 2]) {
        ok(await hypervisor.attachNic(spec.uuid, second));
        assert.deepEqual(
          ok(await hypervisor.nics(spec.uuid)),
          [first.portId, second.portId],
          `attached ${again} times`,
        );
      }
      ok(await hypervisor.stop(spec.uuid, 0));
      ok(await hypervisor.attachNic(spec.uuid, third));
      ok(await hypervisor.start(spec.uuid));
      assert.deepEqual(ok(await hypervisor.nics(spec.uuid)), [
        first.portId,
        second.portId,
        third.portId,
      ]);
      await booted(spec, 2);
      ok(await hypervisor.detachNic(spec.uuid, second.portId));
      ok(await hypervisor.detachNic(spec.uuid, second.portId));
      ok(await hypervisor.reboot(spec.uuid, 'hard', 0));
      assert.deepEqual(ok(await hypervisor.nics(spec.uuid)), [first.portId, third.portId]);
      ok(await hypervisor.stop(spec.uuid, 0));
      ok(await hypervisor.detachNic(spec.uuid, first.portId));
      assert.deepEqual(ok(await hypervisor.nics(spec.uuid)), [third.portId]);
      ok(await hypervisor.destroy(spec.uuid));
    });

    it('plugs volumes in and out, running or off, and keeps them over a restart', async () => {
      const [first, second, third] = [
        await volume('vdc'),
        await volume('vdd'),
        await volume('vde'),
      ];
      const spec = guest({ volumes: [first] });
      ok(await hypervisor.create(spec));
      await booted(spec);
      for (const again of [1, 2]) {
        ok(await hypervisor.attachVolume(spec.uuid, second));
        assert.deepEqual(
          ok(await hypervisor.volumes(spec.uuid)),
          [first.volumeId, second.volumeId],
          `attached ${again} times`,
        );
      }
      assertFault(
        await hypervisor.attachVolume(spec.uuid, { ...third, device: 'vdd' }),
        'conflict',
      );
      ok(await hypervisor.stop(spec.uuid, 0));
      ok(await hypervisor.attachVolume(spec.uuid, third));
      ok(await hypervisor.start(spec.uuid));
      assert.deepEqual(
        ok(await hypervisor.volumes(spec.uuid)),
        [first, second, third].map(({ volumeId }) => volumeId),
      );
      await booted(spec, 2);
      for (const _ of [1, 2]) ok(await hypervisor.detachVolume(spec.uuid, second.volumeId));
      ok(await hypervisor.reboot(spec.uuid, 'hard', 0));
      assert.deepEqual(ok(await hypervisor.volumes(spec.uuid)), [first.volumeId, third.volumeId]);
      ok(await hypervisor.stop(spec.uuid, 0));
      ok(await hypervisor.detachVolume(spec.uuid, first.volumeId));
      assert.deepEqual(ok(await hypervisor.volumes(spec.uuid)), [third.volumeId]);
      ok(await hypervisor.destroy(spec.uuid));
    });

    it('tells where a running guest finds its devices', async () => {
      const [plugged, later] = [await volume('vdb'), await volume('vdc')];
      const spec = guest({ nics: [nic()], volumes: [plugged] });
      const known = async () => ok(await hypervisor.pciAddresses(spec.uuid));
      ok(await hypervisor.create(spec));
      await booted(spec);
      ok(await hypervisor.attachVolume(spec.uuid, later));
      const addresses = await known();
      for (const name of [spec.nics[0]?.portId ?? '', 'vdb', 'vdc'])
        assert.ok(Object.hasOwn(addresses, name), `${name} in ${JSON.stringify(addresses)}`);
      for (const address of Object.values(addresses))
        assert.match(address, /^[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/);
      assert.equal(new Set(Object.values(addresses)).size, Object.keys(addresses).length);
      ok(await hypervisor.detachVolume(spec.uuid, later.volumeId));
      const { vdc: _gone, ...others } = addresses;
      assert.deepEqual(await known(), others);
      ok(await hypervisor.stop(spec.uuid, 0));
      assert.deepEqual(await known(), {});
      ok(await hypervisor.destroy(spec.uuid));
    });

    it('grows volumes of guests, running or off, and never shrinks them', async () => {
      const grown = await volume('vdb');
      const spec = guest({ volumes: [grown] });
      ok(await hypervisor.create(spec));
      for (const _ of [1, 2]) ok(await hypervisor.resizeVolume(spec.uuid, grown.volumeId, 3));
      assertFault(await hypervisor.resizeVolume(spec.uuid, grown.volumeId, 2), 'conflict');
      assertFault(await hypervisor.resizeVolume(spec.uuid, randomUUID(), 2), 'notFound');
      ok(await hypervisor.stop(spec.uuid, 0));
      for (const _ of [1, 2]) ok(await hypervisor.resizeVolume(spec.uuid, grown.volumeId, 4));
      assertFault(await hypervisor.resizeVolume(spec.uuid, grown.volumeId, 3), 'conflict');
      ok(await hypervisor.start(spec.uuid));
      ok(await hypervisor.destroy(spec.uuid));
    });

    it("sends a volume's writes to another image, running or off, once", async () => {
      const taken = await volume('vdb');
      const spec = guest({ volumes: [taken] });
      ok(await hypervisor.create(spec));
      await booted(spec);
      const next = await bench.overlay(taken.connection);
      const last = await bench.overlay(next);
      for (const _ of [1, 2]) ok(await hypervisor.snapshotVolume(spec.uuid, taken.volumeId, next));
      ok(await hypervisor.resizeVolume(spec.uuid, taken.volumeId, 2));
      ok(await hypervisor.stop(spec.uuid, 0));
      for (const _ of [1, 2]) ok(await hypervisor.snapshotVolume(spec.uuid, taken.volumeId, last));
      ok(await hypervisor.start(spec.uuid));
      assertFault(await hypervisor.snapshotVolume(spec.uuid, randomUUID(), next), 'notFound');
      await booted(spec, 2);
      ok(await hypervisor.detachVolume(spec.uuid, taken.volumeId));
      assert.deepEqual(ok(await hypervisor.volumes(spec.uuid)), []);
      ok(await hypervisor.destroy(spec.uuid));
    });

    it('copies the root disk of a guest, running or off, and of no guest without one', async () => {
      const spec = guest({ rootDisk: { image: null, sizeGib: 1, bus: 'virtio' } });
      ok(await hypervisor.create(spec));
      for (const next of ['runs', 'is stopped', 'is off'] as const) {
        const copy = ok(await hypervisor.snapshotRoot(spec.uuid));
        const bytes = Buffer.concat(await Array.fromAsync(copy.open() as AsyncIterable<Buffer>));
        assert.equal(bytes.length, copy.sizeBytes);
        assert.equal(bytes.subarray(0, 4).toString('latin1'), 'QFI\xfb', 'qcow2');
        assert.ok(
          copy.sizeBytes < 16 * 1024 ** 2,
          `a blank disk of 1 GiB is not written out: ${copy.sizeBytes} bytes`,
        );
        for (const _ of [1, 2]) await copy.remove();
        if (next === 'is stopped') ok(await hypervisor.stop(spec.uuid, 0));
      }
      ok(await hypervisor.destroy(spec.uuid));
      const rootless = guest({ rootDisk: null });
      ok(await hypervisor.create(rootless));
      assertFault(await hypervisor.snapshotRoot(rootless.uuid), 'conflict');
      ok(await hypervisor.destroy(rootless.uuid));
    });

    it('tells events until asked to stop, and survives a listener that throws', async () => {
      const spec = guest();
      const seen: GuestEvent[] = [];
      const silence = hypervisor.onEvent(() => {
        throw new Error('a listener of bad manners');
      });
      const stop = hypervisor.onEvent((event) => seen.push(event));
      ok(await hypervisor.create(spec));
      await eventually(
        () => seen.some((event) => event.uuid === spec.uuid && event.state === 'running'),
        { withinMs: 5_000, what: 'running is told' },
      );
      ok(await hypervisor.stop(spec.uuid, 0));
      await eventually(
        () => seen.some((event) => event.uuid === spec.uuid && event.state === 'shutoff'),
        { withinMs: 5_000, what: 'shutoff is told' },
      );
      stop();
      silence();
      const before = seen.length;
      ok(await hypervisor.start(spec.uuid));
      ok(await hypervisor.destroy(spec.uuid));
      await expectState(spec.uuid, 'absent');
      assert.equal(seen.length, before);
    });

    it('makes, and removes, several guests at the same time', async () => {
      const specs = [guest(), guest(), guest()];
      for (const made of await Promise.all(specs.map((spec) => hypervisor.create(spec)))) ok(made);
      assert.equal(
        ok(await hypervisor.list()).filter((each) =>
          specs.some((spec) => spec.uuid === each.uuid && each.state === 'running'),
        ).length,
        3,
      );
      for (const gone of await Promise.all(
        specs.flatMap((spec) => [hypervisor.destroy(spec.uuid), hypervisor.destroy(spec.uuid)]),
      ))
        ok(gone);
      for (const spec of specs) await expectState(spec.uuid, 'absent');
    });

    it('finds its guests again after a restart of the driver', async () => {
      const spec = guest();
      ok(await hypervisor.create(spec));
      hypervisor = await bench.reopen();
      await expectState(spec.uuid, 'running');
      ok(await hypervisor.create(spec));
      ok(await hypervisor.stop(spec.uuid, 0));
      ok(await hypervisor.collectGarbage(new Set(), 0)); // a shut off guest is no garbage
      ok(await hypervisor.start(spec.uuid));
      await expectState(spec.uuid, 'running');
      ok(await hypervisor.destroy(spec.uuid));
    });
  });
}

/** The value; a fault fails the test with its words. */
export function ok<T>(outcome: Outcome<T>): T {
  if (isFault(outcome)) assert.fail(`${outcome.kind}: ${outcome.message}`);
  return outcome;
}

export function assertFault(outcome: unknown, kind: string): void {
  assert.ok(isFault(outcome), `expected ${kind}, got ${JSON.stringify(outcome)}`);
  assert.equal(outcome.kind, kind, outcome.message);
}

async function* brokenStream(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes.subarray(0, 100);
  throw new Error('the source broke');
}

/**
 * Connects and reads the protocol's greeting (RFC 6143, 7.1.1). A driver without screens says so.
 */
async function speaksRfb(answer: Outcome<{ socketPath: string }>): Promise<void> {
  if (isFault(answer)) return assertFault(answer, 'unavailable');
  assert.ok(existsSync(answer.socketPath));
  const greeting = await new Promise<string>((resolve, reject) => {
    const socket = net.connect(answer.socketPath);
    socket.setTimeout(5_000, () => socket.destroy(new Error('no RFB greeting')));
    socket.once('data', (chunk: Buffer) => {
      socket.destroy();
      resolve(chunk.toString('latin1'));
    });
    socket.once('error', reject);
  });
  assert.match(greeting, /^RFB 003\.\d{3}\n/);
}
