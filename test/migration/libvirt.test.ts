// Runs the live migration contract on the libvirt driver, between two real hosts, with volumes on a
// real filer. Needs root and the packages of `test`.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, describe, it } from 'node:test';
import { buildTestGuest, testKernel, type TestGuest } from '#adapters/libvirt/guest.testing.ts';
import { createLibvirtHypervisor } from '#adapters/libvirt/libvirt-hypervisor.ts';
import { whyNoLibvirtd } from '#adapters/libvirt/libvirtd.testing.ts';
import { createNlmImageLocks } from '#adapters/nfs/nlm-image-locks.ts';
import { createQemuDiskImages } from '#adapters/qemu-img/qemu-disk-images.ts';
import type { GuestSpec } from '#contracts/nova/guest.ts';
import type { MigrationTerms } from '#contracts/nova/live-migration.ts';
import { createLocalFiler } from '#hosts/local/local-filer.ts';
import { createLocalHosts } from '#hosts/local/local-hosts.ts';
import { createLocalNetwork } from '#hosts/local/local-network.ts';
import { runTool } from '#hosts/local/run-tool.ts';
import { managementAddress } from '#hosts/local/underlay.ts';
import { systemClock } from '#platform/clock.ts';
import { silentLog } from '#platform/log.ts';
import { eventually } from '#platform/testing/eventually.ts';
import { ownedFolder, removeOwnedFolder } from '#platform/testing/owned-folder.ts';
import { assertFault, ContractRun, ok } from '#ports/hypervisor-fixture.testing.ts';
import { migrationContract, type MigrationFixture } from '#ports/hypervisor-migration.testing.ts';
import type { Hypervisor } from '#ports/hypervisor.ts';
import type { ImageLocks } from '#ports/image-locks.ts';

const noLibvirtd = await whyNoLibvirtd();
const guest = noLibvirtd === null ? await buildTestGuest() : { skip: noLibvirtd };

if ('skip' in guest) it('live migration by libvirt', { skip: guest.skip });
else {
  migrationContract('libvirt', async () => await twoHosts(guest));
  describe('live migration by libvirt', { timeout: 300_000 }, () => ownPromises(guest));
}

interface TwoHosts extends MigrationFixture {
  dataDirs: [string, string];
  locks: [ImageLocks, ImageLocks];
}

function ownPromises(files: TestGuest): void {
  const run = new ContractRun<TwoHosts>();
  let fixture: TwoHosts;
  before(async () => await run.open(async () => (fixture = await twoHosts(files))));
  after(() => fixture.close());
  const terms = async (spec: GuestSpec): Promise<MigrationTerms> => ({
    arrival: ok(
      await fixture.destination.prepareArrival(
        spec,
        ok(await fixture.hypervisor.departure(spec.uuid)),
      ),
    ),
    autoConverge: true,
    permitPostCopy: false,
    bandwidthMib: 0,
    completionTimeoutMs: 60_000,
    timeoutAction: 'abort',
  });

  it('no byte of a disk is lost, nor of a volume, whose lock goes with the guest', async () => {
    const base = Buffer.alloc(16 * 1024 ** 2, 7);
    const image = { id: 'base', diskFormat: 'raw', sizeBytes: base.length, checksum: '' };
    for (const each of [fixture.hypervisor, fixture.destination])
      ok(await each.ensureImage(image, async () => Readable.from([base])));
    const spec = run.guest({
      rootDisk: { image, sizeGib: 1, bus: 'virtio' },
      volumes: [await run.volume('vdf')],
    });
    assert.ok(spec.kernel);
    spec.kernel = { ...spec.kernel, commandLine: 'quiet counting' };
    ok(await fixture.hypervisor.create(spec));
    await eventually(
      async () => /wrote 20\r?\n/.test(ok(await fixture.hypervisor.consoleLog(spec.uuid, 65_536))),
      { withinMs: 60_000, what: 'the guest writes' },
    );
    const moving = await terms(spec);
    // Stale data, as an earlier attempt would leave it on the destination: the guest must not read
    // it.
    const target = join(moving.arrival.folder, 'disk');
    await runTool('qemu-io', ['-f', 'qcow2', '-c', 'write -P 1 8M 64k', target]);
    const fresh = await terms(spec);
    ok(await fixture.hypervisor.pause(spec.uuid));
    ok(await fixture.hypervisor.migrate(spec.uuid, fresh));
    const source = join(fixture.dataDirs[0], 'guests', spec.uuid, 'disk');
    await runTool('qemu-img', ['compare', '-U', '-f', 'qcow2', '-F', 'qcow2', source, target]);
    await systemClock.sleep(500); // several polls of the locks
    assert.deepEqual(await holders(), [1, 0], 'the source has the lock until it is told');
    assertFault(await fixture.destination.settleArrival(spec.uuid), 'conflict');
    ok(await fixture.hypervisor.forgetDeparted(spec.uuid));
    ok(await fixture.destination.settleArrival(spec.uuid));
    assert.deepEqual(await holders(), [0, 1]);
    ok(await fixture.destination.unpause(spec.uuid));
    const last = async () =>
      Number(
        /wrote (\d+)\D*$/.exec(ok(await fixture.destination.consoleLog(spec.uuid, 65_536)))?.[1] ??
          0,
      );
    await eventually(async () => (await last()) > 25, { withinMs: 30_000, what: 'it writes on' });
    ok(await fixture.destination.pause(spec.uuid));
    const sector = await runTool('qemu-img', [
      'convert',
      '-U',
      '-O',
      'raw',
      target,
      `${target}.raw`,
    ]).then(async () => (await readFile(`${target}.raw`)).subarray(0, 16).toString());
    assert.ok(Number.parseInt(sector, 10) - (await last()) <= 1, `${sector} and ${await last()}`);
    ok(await fixture.destination.destroy(spec.uuid));
    assert.deepEqual(await holders(), [0, 0]);
  });
  const holders = async () =>
    await Promise.all(fixture.locks.map(async (each) => (await each.noted()).length));

  it('refuses a guest whose CPU the destination cannot give, before anything is moved', async () => {
    const spec = run.guest();
    ok(await fixture.hypervisor.create(spec));
    const { cpu } = ok(await fixture.hypervisor.departure(spec.uuid));
    assert.match(cpu ?? '', /Nehalem/);
    for (const model of ['Skylake-Server', 'a-model-of-the-future']) {
      const newer = { cpu: cpu?.replace('Nehalem', model) ?? null, base: null };
      assertFault(await fixture.destination.prepareArrival(spec, newer), 'badRequest');
    }
    assert.equal(await fixture.destination.state(spec.uuid), 'absent');
    assert.ok(!ok(await fixture.destination.inventory()).guestFolders.includes(spec.uuid));
    ok(await fixture.hypervisor.destroy(spec.uuid));
  });
}

async function twoHosts(files: TestGuest): Promise<TwoHosts> {
  const stateDir = ownedFolder('/tmp/cc-move-');
  const deps = { stateDir, log: silentLog, clock: systemClock };
  const localNetwork = createLocalNetwork(deps);
  const filer = createLocalFiler(deps);
  const hosts = createLocalHosts({ ...deps, kvm: false });
  const network = ok(await localNetwork.start({ publicCidr: null }));
  const share = ok(await filer.start(network));
  const opened = async (name: string, index: number) => {
    const host = ok(await hosts.powerOn(name, { index, network }));
    const imageLocks = createNlmImageLocks(
      { host: name, folder: join(host.dataDir, 'image-locks') },
      deps,
    );
    const driver = createLibvirtHypervisor(
      {
        socketPath: host.libvirtSocket,
        stateDir: host.dataDir,
        acceleration: 'tcg',
        runDir: join(host.dataDir, 'vnc'),
        hostIp: managementAddress(network, index),
        userspaceSwitch: network.datapath === 'netdev',
        imageLocks,
        imageLockCheckMs: 100,
      },
      { log: silentLog, images: createQemuDiskImages({ log: silentLog }) },
    );
    return { driver, imageLocks, dataDir: host.dataDir };
  };
  let source = await opened('h1', 1);
  const target = await opened('h2', 2);
  let hypervisor = source.driver;
  const destination = target.driver;
  const kernel = await testKernel(files, [hypervisor, destination]);
  const reopen = async (): Promise<Hypervisor> => {
    await hypervisor.close();
    source = await opened('h1', 1);
    return (hypervisor = source.driver);
  };
  return {
    hypervisor,
    destination,
    dataDirs: [source.dataDir, target.dataDir],
    locks: [source.imageLocks, target.imageLocks],
    abandon: reopen,
    bootable: { kernel, rootDisk: null },
    bootMs: 60_000,
    slowMib: 8,
    restless: async (spec: GuestSpec) => {
      assert.ok(spec.kernel);
      spec.kernel = { ...spec.kernel, commandLine: 'quiet restless' };
      ok(await hypervisor.create(spec));
    },
    volume: async () => {
      const file = `volume-${randomUUID()}`;
      const url = `nfs://${share.server}${share.share}/${file}`;
      await runTool('qemu-img', ['create', '-q', '-f', 'qcow2', url, '1G']);
      return { protocol: 'nfs', ...share, file, format: 'qcow2' };
    },
    close: async () => {
      await Promise.all([hypervisor.close(), destination.close()]);
      ok(await hosts.removeAll());
      ok(await filer.remove());
      ok(await localNetwork.remove());
      removeOwnedFolder(stateDir);
    },
  };
}
