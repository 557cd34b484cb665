// The libvirt driver passes the port's contract suite on a real libvirtd with real QEMU guests, and
// keeps the guarantees that only this driver gives.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { copyFile, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createQemuDiskImages } from '#adapters/qemu-img/qemu-disk-images.ts';
import type { VolumeConnection } from '#contracts/cinder/volume-connection.ts';
import { disklessGuest } from '#contracts/nova/diskless-guest.testing.ts';
import type { GuestEvent, GuestImage, GuestSpec } from '#contracts/nova/guest.ts';
import { silentLog } from '#platform/log.ts';
import { eventually } from '#platform/testing/eventually.ts';
import { assertFault, ok, type HypervisorFixture } from '#ports/hypervisor-fixture.testing.ts';
import { hypervisorContract } from '#ports/hypervisor.testing.ts';
import type { Hypervisor } from '#ports/hypervisor.ts';
import { writeReferringImage } from '#ports/referring-image.testing.ts';
import { buildTestGuest, testKernel, type TestGuest } from './guest.testing.ts';
import { createLibvirtHypervisor } from './libvirt-hypervisor.ts';
import { startPrivateLibvirtd, whyNoLibvirtd, type PrivateLibvirtd } from './libvirtd.testing.ts';
import { LibvirtClient } from './rpc/client.ts';
import { DEFINE_VALIDATE } from './rpc/flags.ts';
import { remote } from './rpc/protocol.ts';

const run = promisify(execFile);
/** Under TCG on two busy cores a boot that takes 3 s elsewhere may take 30 s. */
const bootLimitMs = 60_000;

const noLibvirtd = await whyNoLibvirtd();
const guest = noLibvirtd === null ? await buildTestGuest() : { skip: noLibvirtd };

if ('skip' in guest) {
  it('libvirt driver', { skip: guest.skip });
} else {
  hypervisorContract('libvirt', () => contractFixture(guest));
  describe('the libvirt driver', () => ownPromises(guest));
}

interface Setup {
  libvirtd: PrivateLibvirtd;
  stateDir: string;
  open(): Hypervisor;
  kernel: NonNullable<GuestSpec['kernel']>;
}

async function setUp(files: TestGuest): Promise<Setup> {
  const libvirtd = await startPrivateLibvirtd();
  const stateDir = path.join(libvirtd.folder, 'state');
  const open = () =>
    createLibvirtHypervisor(
      {
        socketPath: libvirtd.socketPath,
        stateDir,
        acceleration: 'tcg',
        consoleLogMaxBytes: 64 * 1024,
        consoleLogCheckMs: 200,
        mounts: [{ server: '10.0.0.1', share: '/vol', path: path.join(stateDir, 'mounts') }],
      },
      { log: silentLog, images: createQemuDiskImages({ log: silentLog }) },
    );
  const first = open();
  const kernel = await testKernel(files, [first]);
  await first.close();
  return { libvirtd, stateDir, open, kernel };
}

const volumeFile = (stateDir: string, of: VolumeConnection): string =>
  of.protocol === 'nfs' ? path.join(stateDir, 'mounts', of.file) : '';

async function volumeImage(
  stateDir: string,
  backing?: VolumeConnection,
): Promise<VolumeConnection> {
  const connection: VolumeConnection = {
    protocol: 'nfs',
    server: '10.0.0.1',
    share: '/vol',
    file: `volume-${randomUUID()}`,
    format: 'qcow2',
  };
  const file = volumeFile(stateDir, connection);
  await mkdir(path.dirname(file), { recursive: true });
  const below = backing ? ['-F', 'qcow2', '-b', volumeFile(stateDir, backing)] : [];
  await run('qemu-img', ['create', '-q', '-f', 'qcow2', '-u', ...below, file, '1G']);
  return connection;
}

const rootOf = (stateDir: string, uuid: string): string =>
  path.join(stateDir, 'guests', uuid, 'disk');
/** qemu-io arguments for the pattern that stands for a guest's data on its disk. */
const mark = '-P 0x5a 1M 64k';

async function contractFixture(files: TestGuest): Promise<HypervisorFixture> {
  const { libvirtd, stateDir, open, kernel } = await setUp(files);
  let hypervisor = open();
  let other: Setup | undefined;
  const diskFile = path.join(stateDir, 'contract.qcow2');
  await run('qemu-img', ['create', '-q', '-f', 'qcow2', diskFile, '16M']);
  return {
    hypervisor,
    reopen: async () => {
      await hypervisor.close();
      return (hypervisor = open());
    },
    bootable: { kernel, rootDisk: null },
    disk: { bytes: await readFile(diskFile), diskFormat: 'qcow2' },
    elsewhere: async () => {
      other = await setUp(files);
      return other.open();
    },
    writeRoot: async (uuid) =>
      void (await run('qemu-io', ['-f', 'qcow2', '-c', `write ${mark}`, rootOf(stateDir, uuid)])),
    readRoot: async (where, uuid) => {
      const file = rootOf(where === 'here' ? stateDir : (other?.stateDir ?? ''), uuid);
      const { stdout } = await run('qemu-io', [
        '-U',
        '-r',
        '-f',
        'qcow2',
        '-c',
        `read ${mark}`,
        file,
      ]);
      return stdout.includes('Pattern verification failed') ? 'blank' : 'written';
    },
    bootMs: bootLimitMs,
    // A plain folder stands for a mounted share; test/storage uses a real one.
    volume: async () => await volumeImage(stateDir),
    overlay: async (of) => await volumeImage(stateDir, of),
    close: async () => {
      await hypervisor.close();
      await libvirtd.close();
      await other?.libvirtd.close();
    },
  };
}

function ownPromises(files: TestGuest): void {
  let host: Setup;
  let hypervisor: Hypervisor;
  let count = 0;
  before(async () => {
    host = await setUp(files);
    hypervisor = host.open();
  });
  after(async () => {
    await hypervisor?.close();
    await host?.libvirtd.close();
  });

  function spec(overrides: Partial<GuestSpec> = {}): GuestSpec {
    count += 1;
    return disklessGuest({
      uuid: randomUUID(),
      name: `own-${count}`,
      displayName: `own <${count}> & 'co'`,
      kernel: host.kernel,
      ...overrides,
    });
  }

  async function cacheDisk(virtualSize: string): Promise<GuestImage> {
    const file = path.join(host.stateDir, `${randomUUID()}.qcow2`);
    await run('qemu-img', ['create', '-q', '-f', 'qcow2', file, virtualSize]);
    const image = {
      id: randomUUID(),
      diskFormat: 'qcow2',
      sizeBytes: (await stat(file)).size,
      checksum: '',
    };
    ok(await hypervisor.ensureImage(image, async () => createReadStream(file)));
    return image;
  }

  it("writes domain XML that fits libvirt's own schema", async () => {
    const client = new LibvirtClient({ socketPath: host.libvirtd.socketPath }, { log: silentLog });
    const goldens = new URL('domain-xml.golden/', import.meta.url);
    const names = await readdir(goldens);
    assert.ok(names.length >= 6);
    for (const name of names) {
      const xml = (await readFile(new URL(name, goldens), 'utf8')).replace(
        "<domain type='kvm'>",
        "<domain type='qemu'>",
      ); // there is no KVM in the test's namespace
      const { domain } = await client.call(remote.domainDefineXmlFlags, {
        xml,
        flags: DEFINE_VALIDATE,
      });
      await client.call(remote.domainUndefineFlags, { domain, flags: 0 });
    }
    client.close();
  });

  it('plugs interfaces into a PCI Express machine too', async () => {
    const guest = spec({ machineType: 'q35', displayName: 'express' });
    ok(await hypervisor.create(guest));
    await eventually(
      async () => ok(await hypervisor.consoleLog(guest.uuid, 64 * 1024)).includes('login:'),
      { withinMs: bootLimitMs, what: 'the guest is up' },
    );
    const nic = {
      portId: randomUUID(),
      mac: 'fa:16:3e:00:00:09',
      mtu: 1442,
      bridge: 'br-int',
      model: 'virtio' as const,
    };
    ok(await hypervisor.attachNic(guest.uuid, nic));
    assert.deepEqual(ok(await hypervisor.nics(guest.uuid)), [nic.portId]);
    ok(await hypervisor.detachNic(guest.uuid, nic.portId));
    assert.deepEqual(ok(await hypervisor.nics(guest.uuid)), []);
    ok(await hypervisor.destroy(guest.uuid));
  });

  it('refuses a root disk smaller than the image, with both sizes in the message, and leaves nothing', async () => {
    const wanted = spec({ rootDisk: { image: await cacheDisk('2G'), sizeGib: 1, bus: 'virtio' } });
    const answer = await hypervisor.create(wanted);
    assertFault(answer, 'badRequest');
    assert.match(JSON.stringify(answer), /1 GiB is smaller than image .* of 2048 MiB/);
    assert.equal(await hypervisor.state(wanted.uuid), 'absent');
    assert.ok(!ok(await hypervisor.inventory()).guestFolders.includes(wanted.uuid));
  });

  it('refuses images that would read files of the host', async () => {
    const file = path.join(host.stateDir, 'evil.qcow2');
    writeReferringImage(file, '/etc/shadow');
    const image = {
      id: 'evil',
      diskFormat: 'qcow2',
      sizeBytes: (await stat(file)).size,
      checksum: '',
    };
    assertFault(
      await hypervisor.ensureImage(image, async () => createReadStream(file)),
      'badRequest',
    );
    assertFault(
      await hypervisor.ensureImage({ ...image, id: '../escape' }, async () => Readable.from([])),
      'badRequest',
    );
    assert.deepEqual(
      (await readdir(path.join(host.stateDir, 'images'))).filter((name) => name.includes('evil')),
      [],
    );
  });

  it('converts formats that QEMU should not run from', async () => {
    const file = path.join(host.stateDir, 'disk.vdi');
    await run('qemu-img', ['create', '-q', '-f', 'vdi', file, '8M']);
    const image = {
      id: 'from-vdi',
      diskFormat: 'vdi',
      sizeBytes: (await stat(file)).size,
      checksum: '',
    };
    ok(await hypervisor.ensureImage(image, async () => createReadStream(file)));
    const { stdout } = await run('qemu-img', [
      'info',
      '--output=json',
      path.join(host.stateDir, 'images/from-vdi.qcow2'),
    ]);
    assert.equal((JSON.parse(stdout) as { 'virtual-size': number })['virtual-size'], 8 * 1024 ** 2);
  });

  it('makes the overlay as large as asked, on the cached image', async () => {
    const image = await cacheDisk('16M');
    const wanted = spec({
      rootDisk: { image, sizeGib: 1, bus: 'scsi' },
      configDrive: {
        'openstack/latest/meta_data.json': Buffer.from('{"hostname": "x"}').toString('base64'),
      },
    });
    ok(await hypervisor.create(wanted));
    const { stdout } = await run('qemu-img', [
      'info',
      '-U',
      '--output=json',
      path.join(host.stateDir, 'guests', wanted.uuid, 'disk'),
    ]);
    const info = JSON.parse(stdout) as { 'virtual-size': number; 'backing-filename': string };
    assert.deepEqual(
      [info['virtual-size'], info['backing-filename']],
      [1024 ** 3, path.join(host.stateDir, 'images', `${image.id}.qcow2`)],
    );
    assert.deepEqual(
      ok(await hypervisor.diagnostics(wanted.uuid)).disks.map((disk) => disk.target),
      ['sda', 'vda'],
    );
    ok(await hypervisor.destroy(wanted.uuid));
  });

  it('finishes a build that died at any step', async () => {
    const image = await cacheDisk('16M');
    const whole = spec({
      rootDisk: { image, sizeGib: 1, bus: 'virtio' },
      configDrive: { 'a/b': 'Yw==' },
    });
    const folder = path.join(host.stateDir, 'guests', whole.uuid);
    // As if the process had died while it was writing overlay and config drive: partial files and
    // no domain.
    await mkdir(folder, { recursive: true });
    await writeFile(path.join(folder, 'disk.part'), 'half an overlay');
    await writeFile(path.join(folder, 'config-drive.iso.part'), 'half an image');
    ok(await hypervisor.create(whole));
    assert.equal(await hypervisor.state(whole.uuid), 'running');
    // As if the process had died between define and start: the domain exists and is off.
    ok(await hypervisor.stop(whole.uuid, 0));
    ok(await hypervisor.create(whole));
    assert.equal(await hypervisor.state(whole.uuid), 'running');
    ok(await hypervisor.destroy(whole.uuid));
  });

  it('finishes a build whose process was killed at any moment', async () => {
    const image = await cacheDisk('16M');
    // Kills the process at different times, from before the first file until after the start. The
    // exact point varies between runs; the guarantee must hold at each.
    for (const afterMs of [5, 20, 40, 80, 160, 320]) {
      const wanted = spec({
        rootDisk: { image, sizeGib: 1, bus: 'virtio' },
        ephemeralGib: 1,
        configDrive: { 'a/b': 'Yw==' },
      });
      const other = spawn(
        process.execPath,
        [
          fileURLToPath(new URL('create-guest.testing.ts', import.meta.url)),
          host.libvirtd.socketPath,
          host.stateDir,
          JSON.stringify(wanted),
        ],
        { stdio: ['ignore', 'pipe', 'inherit'] },
      );
      const ended = once(other, 'exit'); // it may exit before it is killed
      await once(other.stdout, 'data'); // it is about to begin
      await delay(afterMs);
      other.kill('SIGKILL');
      await ended;
      ok(await hypervisor.create(wanted));
      assert.equal(await hypervisor.state(wanted.uuid), 'running');
      const { brokenOverlays, guestFolders } = ok(await hypervisor.inventory());
      assert.deepEqual(brokenOverlays, []);
      assert.ok(guestFolders.includes(wanted.uuid));
      ok(await hypervisor.destroy(wanted.uuid));
    }
    assert.deepEqual(ok(await hypervisor.list()), []);
    assert.deepEqual(ok(await hypervisor.inventory()).guestFolders, []);
  });

  it('removes what is left of a guest whose start fails, but never one that ran', async () => {
    const impossible = spec({ cpuModel: 'no-such-cpu' });
    assertFault(await hypervisor.create(impossible), 'unavailable');
    assert.equal(await hypervisor.state(impossible.uuid), 'absent');
    assert.ok(!ok(await hypervisor.inventory()).guestFolders.includes(impossible.uuid));

    const stoppedGuest = spec({ rootDisk: { image: null, sizeGib: 1, bus: 'virtio' } });
    ok(await hypervisor.create(stoppedGuest));
    ok(await hypervisor.stop(stoppedGuest.uuid, 0));
    assertFault(
      await hypervisor.create({ ...stoppedGuest, cpuModel: 'no-such-cpu' }),
      'unavailable',
    );
    assert.ok(ok(await hypervisor.inventory()).guestFolders.includes(stoppedGuest.uuid));
    ok(await hypervisor.destroy(stoppedGuest.uuid));
  });

  it('collects folders without a guest and downloads without an end', async () => {
    const orphan = randomUUID();
    await mkdir(path.join(host.stateDir, 'guests', orphan), { recursive: true });
    await copyFile('/etc/hostname', path.join(host.stateDir, 'images/x.raw.download.part'));
    const removed = ok(await hypervisor.collectGarbage(new Set(['kernel', 'ramdisk']), 3_600_000));
    assert.deepEqual(removed.sort(), [`guests/${orphan}`, 'images/x.raw.download.part'].sort());
  });

  it('keeps the console log of a chatty guest bounded and still tells its last words', async () => {
    const chatty = spec({ kernel: { ...host.kernel, commandLine: 'quiet chatty' } });
    ok(await hypervisor.create(chatty));
    const before = path.join(host.stateDir, 'guests', chatty.uuid, 'console.log.before');
    await eventually(
      () =>
        stat(before).then(
          () => true,
          () => false,
        ),
      { withinMs: bootLimitMs, what: 'the console log was cut' },
    );
    const text = ok(await hypervisor.consoleLog(chatty.uuid, 16 * 1024));
    assert.equal(text.length, 16 * 1024);
    assert.match(text.slice(-200), /0123456789/);
    assert.ok(!text.includes('\0'), 'a cut file is not a sparse one: QEMU appends');
    ok(await hypervisor.destroy(chatty.uuid));
  });

  it('goes on when libvirtd is killed: guests run, events and calls come back', async () => {
    const survivor = spec();
    ok(await hypervisor.create(survivor));
    const events: GuestEvent[] = [];
    const stop = hypervisor.onEvent((event) => events.push(event));
    await host.libvirtd.killDaemon();
    await eventually(
      () => events.some((event) => event.uuid === survivor.uuid && event.state === 'running'),
      { withinMs: 20_000, what: 'the state is told after the reconnection' },
    );
    events.length = 0;
    ok(await hypervisor.pause(survivor.uuid));
    await eventually(
      () => events.some((event) => event.uuid === survivor.uuid && event.state === 'paused'),
      { withinMs: 5_000, what: 'events come again' },
    );
    stop();
    ok(await hypervisor.destroy(survivor.uuid));
  });

  it('has no agent to ask in a guest without one', async () => {
    const silent = spec();
    ok(await hypervisor.create(silent));
    assertFault(
      await hypervisor.agentCommand(silent.uuid, 'guest-ping', null, 1_000),
      'unavailable',
    );
    ok(await hypervisor.destroy(silent.uuid));
  });
}
