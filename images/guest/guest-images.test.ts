// Builds the real images and boots them under QEMU's emulation. Needs the packages of `up` and a
// package mirror.
import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Fault } from '#contracts/common/fault.ts';
import { tryBoot } from '#hosts/local/probe-acceleration.ts';
import { runTool } from '#hosts/local/run-tool.ts';
import { silentLog } from '#platform/log.ts';
import { eventually } from '#platform/testing/eventually.ts';
import { freePort } from '#platform/testing/free-port.ts';
import { sshOptions } from '#platform/testing/ssh-options.ts';
import { buildGuestImages, tinyCommandLine } from './build-guest-images.ts';
import type { GuestImages } from './build-guest-images.ts';
import { startGuest } from './guest.testing.ts';
import type { TestGuest } from './guest.testing.ts';
import { probeInitrd } from './probe-initrd.ts';

const needed = [
  '/usr/bin/qemu-system-x86_64',
  '/usr/bin/xorriso',
  '/usr/bin/syslinux',
  '/sbin/depmod',
];
const missing = needed.filter((path) => !existsSync(path));
const skip =
  process.arch !== 'x64'
    ? 'needs x86-64'
    : missing.length > 0
      ? `needs ${missing.join(', ')}`
      : false;

describe('the guest images', { skip, timeout: 600_000 }, () => {
  const dir = mkdtempSync('/tmp/cc-images-');
  const outDir = join(dir, 'images');
  const guests: TestGuest[] = [];
  let images: GuestImages;

  before(async () => {
    const built = await buildGuestImages({ outDir, log: silentLog });
    assert.ok(!(built instanceof Fault), String((built as Fault).message));
    images = built;
  });
  after(async () => {
    await Promise.all(guests.map((guest) => guest.stop()));
    rmSync(dir, { recursive: true });
  });

  function start(...args: string[]): TestGuest {
    const guest = startGuest(args);
    guests.push(guest);
    return guest;
  }
  const tiny = (commandLine: string, ...args: string[]): TestGuest =>
    start(
      '-kernel',
      images.kernel,
      '-initrd',
      images.ramdisk,
      '-append',
      `console=ttyS0 ${tinyCommandLine} ${commandLine}`,
      ...args,
    );

  async function configDrive(name: string, userData: string): Promise<string> {
    const folder = join(dir, name, 'openstack/latest');
    mkdirSync(folder, { recursive: true });
    const metadata = {
      uuid: 'u',
      hostname: `${name}.novalocal`,
      name,
      public_keys: { mine: 'ssh-ed25519 AAAAkey me@here\n' },
      meta: { text: 'a "quoted" \\ text' },
    };
    writeFileSync(join(folder, 'meta_data.json'), JSON.stringify(metadata));
    writeFileSync(join(folder, 'user_data'), userData);
    const iso = join(dir, `${name}.iso`);
    await runTool('xorriso', [
      '-as',
      'mkisofs',
      '-quiet',
      '-J',
      '-r',
      '-V',
      'config-2',
      '-o',
      iso,
      join(dir, name),
    ]);
    return iso;
  }

  test("their kernel with the probe's init reaches user space under emulation, and a damaged init does not", async () => {
    const trial = await tryBoot('tcg', { kernel: images.kernel, ramdisk: probeInitrd() }, 90_000);
    assert.ok(trial.kind === 'booted' && trial.ms > 0, JSON.stringify(trial));
    const damaged = await tryBoot(
      'tcg',
      { kernel: images.kernel, ramdisk: Buffer.alloc(64) },
      90_000,
    );
    assert.ok(
      damaged.kind === 'failed' && /QEMU ended with/.test(damaged.why),
      JSON.stringify(damaged),
    );
  });

  test('a guest that misses the deadline is no acceleration', async () => {
    assert.deepEqual(await tryBoot('tcg', { kernel: images.kernel, ramdisk: probeInitrd() }, 1), {
      kind: 'timedOut',
      afterMs: 1,
    });
  });

  test('are built once, small, and leave no work behind', async () => {
    const [first] = readdirSync(outDir);
    const builtAt = statSync(images.kernel).mtimeMs;
    assert.deepEqual(await buildGuestImages({ outDir, log: silentLog }), images);
    assert.deepEqual(readdirSync(outDir), [first]);
    assert.equal(statSync(images.kernel).mtimeMs, builtAt);
    const bytes = [images.kernel, images.ramdisk, images.disk].reduce(
      (sum, path) => sum + statSync(path).size,
      0,
    );
    assert.ok(bytes < 60 * 1024 * 1024, `${bytes} bytes`);
  });

  test('tiny says its name from the kernel command line, and the power button turns it off', async () => {
    const guest = tiny('cobalt.hostname=vm1');
    await guest.consoleShows(/^Cobalt tiny: booting/m);
    await guest.consoleShows(/Cobalt tiny on vm1 \(ttyS0\)[^]*vm1 login:/);
    await guest.powerButton();
    assert.equal(await guest.ended, 0);
  });

  test('without any metadata the name comes from SMBIOS', async () => {
    const guest = tiny('', '-smbios', 'type=1,family=Virtual Machine,sku=cobalt.hostname=vm-dmi');
    await guest.consoleShows(/vm-dmi login:/);
    await guest.stop();
  });

  for (const [bus, device] of [
    ['virtio', 'virtio-blk-pci,drive=cd'],
    ['ide', 'ide-cd,drive=cd'],
  ] as const) {
    test(`a config drive (${bus}) gives name and keys, and its script runs`, async () => {
      const name = `cfg-${bus}`;
      const iso = await configDrive(
        name,
        '#!/bin/bash\necho "user-data of $(hostname): $(cat /root/.ssh/authorized_keys)"\nexit 3\n',
      );
      const guest = tiny(
        'cobalt.hostname=loser',
        '-drive',
        `file=${iso},format=raw,if=none,id=cd,readonly=on`,
        '-device',
        device,
      );
      await guest.consoleShows(new RegExp(`${name} login:`));
      await guest.consoleShows(new RegExp(`user-data of ${name}: ssh-ed25519 AAAAkey me@here`));
      await guest.consoleShows(/user-data ended with 3/);
      await guest.stop();
    });
  }

  test('the metadata service gives the name over a leased address, and a key opens ssh', async (t) => {
    await runTool('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(dir, 'key')]);
    const key = await runTool('ssh-keygen', ['-y', '-f', join(dir, 'key')]);
    const server = createServer((request, response) => {
      if (request.url === '/openstack/latest/meta_data.json')
        response.end(JSON.stringify({ hostname: 'vm-net', public_keys: { k: key } }));
      else response.writeHead(404).end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.after(() => server.close());
    const port = (server.address() as { port: number }).port; // cast: the server listens on TCP
    const sshPort = await freePort();
    const bridge = join(dir, 'bridge.mjs');
    writeFileSync(
      bridge,
      `import { connect } from 'node:net'; const s = connect(${port}, '127.0.0.1'); process.stdin.pipe(s).pipe(process.stdout);`,
    );
    // QEMU's user network: offers DHCP, and passes each connection to 169.254.169.254 to a process
    // that forwards it to the test's server.
    const addresses = 'net=169.254.0.0/16,host=169.254.0.2,dhcpstart=169.254.0.15';
    const network = `user,id=n,${addresses},guestfwd=tcp:169.254.169.254:80-cmd:${process.execPath} ${bridge},hostfwd=tcp:127.0.0.1:${sshPort}-:22`;
    const guest = tiny('', '-netdev', network, '-device', 'virtio-net-pci,netdev=n');
    await guest.consoleShows(/metadata from the metadata service[^]*vm-net login:/);
    const ssh = ['-p', String(sshPort), '-i', join(dir, 'key'), ...sshOptions];
    assert.equal(
      (await runTool('ssh', [...ssh, 'root@127.0.0.1', 'hostname'], { timeoutMs: 60_000 })).trim(),
      'vm-net',
    );
    // QEMU's user network also advertises the prefix fec0::/64.
    await eventually(
      async () =>
        /inet6 fec0:/.test(
          await runTool('ssh', [...ssh, 'root@127.0.0.1', 'ip -6 addr'], { timeoutMs: 60_000 }),
        ),
      { withinMs: 60_000, what: 'an IPv6 address by SLAAC' },
    );
    await guest.stop();
  });

  describe('the ssh host key', () => {
    const shownKey = async (guest: TestGuest): Promise<{ origin: string; fingerprint: string }> => {
      await guest.consoleShows(/ssh host key \(.*\) SHA256:\S{43}\s/);
      const [, origin = '', fingerprint = ''] =
        /ssh host key \((.*)\) (SHA256:\S+)/.exec(guest.console()) ?? [];
      return { origin, fingerprint };
    };
    const disk = (path: string, format: string): string[] => [
      '-drive',
      `file=${path},format=${format},if=none,id=root`,
      '-device',
      'virtio-blk-pci,drive=root,serial=root',
      '-nic',
      'user,model=virtio-net-pci',
    ];
    const uuid = (digit: string): string[] => [
      '-uuid',
      `${digit.repeat(8)}-0000-4000-8000-000000000000`,
    ];
    /** Boots until the host key is printed on the console, then cuts the power. */
    const boot = async (
      start: () => TestGuest,
    ): Promise<{ origin: string; fingerprint: string }> => {
      const guest = start();
      const key = await shownKey(guest);
      await guest.stop();
      return key;
    };

    test('is made once a server and survives a power cut; a server made from its disk has another', async () => {
      const path = join(dir, 'blank.raw');
      writeFileSync(path, '');
      truncateSync(path, 64 * 1024 * 1024);
      const first = await boot(() => tiny('', ...disk(path, 'raw'), ...uuid('1')));
      const second = await boot(() => tiny('', ...disk(path, 'raw'), ...uuid('1')));
      const copy = await boot(() => tiny('', ...disk(path, 'raw'), ...uuid('2')));
      assert.deepEqual([first.origin, second.origin, copy.origin], ['new', 'kept', 'new']);
      assert.equal(second.fingerprint, first.fingerprint);
      assert.notEqual(copy.fingerprint, first.fingerprint);
    });

    test('is kept on the boot partition of tiny-disk', async () => {
      const path = join(dir, 'overlay.qcow2');
      const overlay = ['-q', '-f', 'qcow2', '-F', 'qcow2', '-b', images.disk, path];
      await runTool('qemu-img', ['create', ...overlay]);
      const first = await boot(() => start(...disk(path, 'qcow2'), ...uuid('3')));
      assert.deepEqual(await boot(() => start(...disk(path, 'qcow2'), ...uuid('3'))), {
        ...first,
        origin: 'kept',
      });
    });

    test('leaves a root disk alone that its owner uses, and disks that are no root disk', async () => {
      const used = join(dir, 'used.raw');
      writeFileSync(used, Buffer.alloc(1024 * 1024, 'data'));
      const data = join(dir, 'data.raw');
      writeFileSync(data, Buffer.alloc(1024 * 1024));
      const key = await boot(() =>
        tiny(
          '',
          '-drive',
          `file=${data},format=raw,if=none,id=data`,
          '-device',
          'virtio-blk-pci,drive=data,serial=data',
          ...disk(used, 'raw'),
        ),
      );
      assert.equal(key.origin, 'made for this boot alone');
      assert.deepEqual(
        [readFileSync(used), readFileSync(data)],
        [Buffer.alloc(1024 * 1024, 'data'), Buffer.alloc(1024 * 1024)],
      );
    });
  });

  test('an interface plugged in later is brought up', async () => {
    const guest = tiny('cobalt.hostname=vm-late', '-netdev', 'user,id=late');
    await guest.consoleShows(/vm-late login:/);
    await guest.monitor('device_add', { driver: 'virtio-net-pci', netdev: 'late', id: 'late' });
    await guest.consoleShows(/eth0 has 10\.0\.2\.15/);
    await guest.stop();
  });

  test('tiny-disk boots by BIOS, answers the guest agent, and shuts down by it', async () => {
    const guest = start(
      '-drive',
      `file=${images.disk},if=virtio,format=qcow2,snapshot=on`,
      '-smbios',
      'type=1,family=vm-disk',
    );
    await guest.consoleShows(/vm-disk login:/);
    assert.deepEqual(await guest.agent('guest-get-host-name'), { 'host-name': 'vm-disk' });
    await guest.agent('guest-shutdown'); // never answers: the guest has ended
    assert.equal(await guest.ended, 0);
  });
});
