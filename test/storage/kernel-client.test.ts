// Hosts whose kernel mounts the filer's share. This machine's kernel may have no NFS client, but
// Debian's has: two guests with that kernel play the hosts, mount as host-init.sh does, and run
// QEMU's image code. QEMU's lock must hold between them, also when the filer dies.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { mountOptions } from '#hosts/local/nfs-client.ts';
import { runTool, tryTool } from '#hosts/local/run-tool.ts';
import { cpio, file } from '#images/guest/cpio.ts';
import { fetchPackages } from '#images/guest/fetch-packages.ts';
import { startGuest } from '#images/guest/guest.testing.ts';
import type { TestGuest } from '#images/guest/guest.testing.ts';
import { packInitrd } from '#images/guest/pack-initrd.ts';
import { eventually } from '#platform/testing/eventually.ts';
import { filerMissing, startFiler } from './filer.testing.ts';
import type { TestFiler } from './filer.testing.ts';

/** In QEMU's user-mode network the guest always has this address. */
const guestAddress = '10.0.2.15';

const init = `#!/bin/busybox sh
export PATH=/bin:/sbin:/usr/bin:/usr/sbin
mount -t proc proc /proc; mount -t sysfs sysfs /sys; mount -t devtmpfs devtmpfs /dev
for round in 1 2; do cat /sys/bus/*/devices/*/modalias | sort -u | xargs modprobe -a -q; done
for word in $(cat /proc/cmdline); do case $word in host=*|server=*|options=*) eval "$word" ;; esac; done
hostname "$host"
ip addr add ${guestAddress}/24 dev eth0; ip link set eth0 up; ip route add default via 10.0.2.2
modprobe nfsv4
mkdir -p /volumes
mount -t nfs4 -o "$options,addr=$server" "$server:/vol" /volumes && echo mounted
i=0
while :; do echo "write -P 7 $((i % 64))k 512"; i=$((i + 1)); sleep 1; done | qemu-io -f qcow2 /volumes/image
while :; do sleep 60; done
`;

/** A program of this machine with its libraries, for guests with the same Debian. */
function program(path: string): ReturnType<typeof file>[] {
  const libraries = execFileSync('ldd', [path], { encoding: 'utf8' }).match(/\/\S+\.so\S*/g) ?? [];
  return [
    file(path.slice(1), readFileSync(path), true),
    ...libraries
      .filter((library) => !library.startsWith('/lib64/'))
      .map((library) =>
        file(`lib/x86_64-linux-gnu/${basename(library)}`, readFileSync(library), false),
      ),
  ];
}

describe(
  'QEMU on hosts that mount the share',
  {
    skip: filerMissing() || (process.arch !== 'x64' && 'the guest is built on x86-64 only'),
    timeout: 240_000,
  },
  () => {
    const dir = mkdtempSync('/tmp/cc-nfs4-');
    const hosts: TestGuest[] = [];
    let kernel: string;
    let filer: TestFiler;
    before(async () => {
      await fetchPackages(dir);
      const [version = ''] = readdirSync(join(dir, 'root/lib/modules'));
      kernel = join(dir, 'root/boot', `vmlinuz-${version}`);
      await packInitrd(dir, version, ['nfsv4']);
      appendFileSync(
        join(dir, 'initrd'),
        gzipSync(cpio([file('host', Buffer.from(init), true), ...program('/usr/bin/qemu-io')]), {
          level: 1,
        }),
      );
      filer = await startFiler();
      await runTool('qemu-img', ['create', '-q', '-f', 'qcow2', join(filer.folder, 'image'), '1M']);
    });
    after(async () => {
      for (const host of hosts) await host.stop();
      await filer?.close();
      rmSync(dir, { recursive: true });
    });

    function boot(name: string): TestGuest {
      const host = startGuest([
        '-m',
        '256',
        '-kernel',
        kernel,
        '-initrd',
        join(dir, 'initrd'),
        '-netdev',
        'user,id=net',
        '-device',
        'virtio-net,netdev=net',
        '-append',
        `console=ttyS0 quiet rdinit=/host host=${name} server=${filer.server} options=${mountOptions},clientaddr=${guestAddress}`,
      ]);
      hosts.push(host);
      return host;
    }
    const writes = (host: TestGuest): number => host.console().match(/wrote 512/g)?.length ?? 0;
    /** Opens the image with another QEMU, on the filer itself. */
    const beside = async (): Promise<string> => {
      const { code, stdout, stderr } = await tryTool('qemu-io', [
        '-f',
        'qcow2',
        '-c',
        'read 0 512',
        join(filer.folder, 'image'),
      ]);
      return code === 0 ? stdout : stderr;
    };

    test('the second one is refused the image that the first one writes', async () => {
      assert.match(await beside(), /^read 512/);
      await boot('first').consoleShows(/wrote 512/);
      assert.match(await beside(), /Failed to get .*lock/);
      const second = boot('second');
      await second.consoleShows(/mounted[^]*Failed to get .*lock/);
      assert.equal(writes(second), 0);
    });

    test('the lock and the writes outlive a kill -9 of the filer', async () => {
      const [first] = hosts;
      assert.ok(first);
      const before = writes(first);
      await filer.kill();
      await eventually(() => writes(first) >= before + 3, {
        withinMs: 60_000,
        what: 'writes again',
      });
      assert.match(await beside(), /Failed to get .*lock/);
      assert.doesNotMatch(first.console(), /failed/);
    });
  },
);
