// The sandbox with the real qemu-img in it: which files it can see, what is copied, and that no
// process outlives its call.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { isFault } from '#contracts/common/fault.ts';
import { startChild } from '#platform/child-process.ts';
import { silentLog } from '#platform/log.ts';
import { eventually } from '#platform/testing/eventually.ts';
import { whatIsMissing } from '#platform/testing/real-daemon.ts';
import type { DiskImages } from '#ports/disk-images.ts';
import { acceptedFormats } from './disk-formats.testing.ts';
import { makeQcow2Bomb } from './hostile-sizes.testing.ts';
import { createQemuDiskImages } from './qemu-disk-images.ts';
import { imageInside, sandboxed } from './sandbox.ts';

const run = promisify(execFile);
const gib = 2 ** 30;
const limits = { timeoutMs: 60_000 };

describe(
  'disk images by qemu-img',
  {
    skip:
      (await whatIsMissing(['/usr/bin/qemu-img', '/usr/bin/qemu-nbd', '/usr/bin/bwrap'])) ?? false,
    timeout: 120_000,
  },
  () => {
    let folder: string;
    let images: DiskImages;
    before(async () => {
      folder = await mkdtemp(join(tmpdir(), 'cobalt-images-'));
      images = createQemuDiskImages({ log: silentLog, socketFolder: folder });
    });
    after(async () => await rm(folder, { recursive: true, force: true }));

    const inSandbox = async (imagePath: string, ...args: string[]) =>
      await startChild(sandboxed('qemu-img', args, { imagePath, cpuSeconds: 5 }), limits).ended;

    it('sees the image, and no other file of the machine', async () => {
      const image = join(folder, 'seen');
      await writeFile(image, 'x'.repeat(512));
      assert.equal((await inSandbox(image, 'info', '-f', 'raw', imageInside)).code, 0);
      for (const other of [
        '/etc/passwd',
        image,
        join(folder, 'seen'),
        '/proc/self/environ',
        '/root',
        '/usr/bin/env',
        '/dev/zero',
        '/sys/kernel',
      ]) {
        const { code, stderr } = await inSandbox(image, 'info', '-f', 'raw', other);
        assert.notEqual(code, 0, other);
        assert.match(stderr, /No such file|Permission denied/, other);
      }
    });

    it('can write nothing, not even the image', async () => {
      const image = join(folder, 'unwritten');
      await writeFile(image, 'x'.repeat(512));
      for (const target of [imageInside, '/new', '/usr/lib/new'])
        assert.notEqual(
          (await inSandbox(image, 'create', '-f', 'raw', target, '1M')).code,
          0,
          target,
        );
      assert.equal(await readFile(image, 'utf8'), 'x'.repeat(512));
    });

    it('has no network', async () => {
      const image = join(folder, 'offline');
      await writeFile(image, '');
      let calls = 0;
      const server = createServer((socket) => {
        calls += 1;
        socket.destroy();
      });
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      const { port } = server.address() as AddressInfo; // cast: the server listens on TCP
      const url = `nbd://127.0.0.1:${port}/x`;
      assert.notEqual((await inSandbox(image, 'info', url)).code, 0);
      assert.equal(calls, 0);
      // The same call without the sandbox does connect: the check above can fail.
      await run('qemu-img', ['info', url]).catch(() => undefined);
      assert.equal(calls, 1);
      server.close();
    });

    it('has an end to its memory', async () => {
      const image = join(folder, 'hungry');
      await writeFile(image, '');
      const [command = '', ...args] = sandboxed('qemu-img', ['info', imageInside], {
        imagePath: image,
        cpuSeconds: 7,
      });
      const tools = args.indexOf('bwrap');
      const { stdout } = await run(command, [...args.slice(0, tools), 'cat', '/proc/self/limits']);
      for (const limit of [
        /^Max address space +1073741824 /m,
        /^Max cpu time +7 /m,
        /^Max core file size +0 /m,
        /^Max open files +64 /m,
        /^Max file size +0 /m,
      ])
        assert.match(stdout, limit);
    });

    it('copies the disk of every format as it is, and leaves holes where it is zero', async () => {
      const plain = join(folder, 'plain');
      const data = Buffer.concat([
        Buffer.alloc(65_536, 'a'),
        Buffer.alloc(512 * 1024),
        Buffer.alloc(65_536, 'b'),
      ]);
      await writeFile(plain, data);
      await run('truncate', ['-s', '8M', plain]);
      for (const [diskFormat, format, ...options] of [
        ...acceptedFormats,
        ['vhd', 'vpc', '-o', 'force_size'],
      ] as const) {
        const [path, name] = [join(folder, 'one'), join(folder, 'copy.qcow2')];
        await run('qemu-img', ['convert', '-f', 'raw', '-O', format, ...options, plain, path]);
        const copied = await images.convert(
          { path, diskFormat },
          gib,
          { name, intoExisting: false },
          limits,
        );
        assert.deepEqual(
          copied,
          { virtualBytes: 8 * 1024 ** 2, isRaw: format === 'raw' },
          diskFormat,
        );
        await run('qemu-img', ['compare', '-f', 'raw', '-F', 'qcow2', plain, name]);
        assert.ok((await stat(name)).size < 1024 ** 2, `${diskFormat}: zeros are not written`);
      }
    });

    it('reads a name of a file as a name, whatever it looks like', async () => {
      const path = join(folder, 'nbd:127.0.0.1:1,file=x');
      await writeFile(path, 'y'.repeat(512));
      assert.deepEqual(
        await images.convert(
          { path, diskFormat: 'raw' },
          gib,
          { name: join(folder, 'named.qcow2'), intoExisting: false },
          limits,
        ),
        { virtualBytes: 512, isRaw: true },
      );
    });

    /** The processes whose arguments name this folder. */
    const processes = async (): Promise<string[]> => {
      const lines = await Promise.all(
        (await readdir('/proc'))
          .filter((name) => /^\d+$/.test(name))
          .map(
            async (pid) =>
              [pid, await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')] as const,
          ),
      );
      return lines
        .filter(([pid, line]) => line.includes(folder) && pid !== String(process.pid))
        .map(([, line]) => line.replaceAll('\0', ' '));
    };

    it('ends every process of a conversion that nobody waits for', async () => {
      const [path, name] = [join(folder, 'bomb'), join(folder, 'bomb.out')];
      await makeQcow2Bomb(path);
      for (const when of ['abort', 'deadline'] as const) {
        const nobody = new AbortController();
        const copied = images.convert(
          { path, diskFormat: 'qcow2' },
          4 * gib,
          { name, intoExisting: false },
          { timeoutMs: when === 'deadline' ? 700 : 60_000, signal: nobody.signal },
        );
        if (when === 'abort') {
          await eventually(
            async () => (await stat(name).catch(() => ({ size: 0 }))).size > 1024 ** 2,
            { withinMs: 30_000, what: 'the copy to be under way' },
          );
          nobody.abort();
        }
        const outcome = await copied;
        assert.ok(isFault(outcome) && outcome.kind === 'timeout', JSON.stringify(outcome));
        assert.deepEqual(await processes(), [], 'nothing is left when the call answers');
        await rm(name, { force: true });
      }
      assert.deepEqual(
        (await readdir(folder)).filter((entry) => entry.startsWith('cobalt-nbd-')),
        [],
      );
    });

    // With one malloc arena for each thread, one in ten conversions of a compressed image hit the
    // limit on address space, and the image was reported as damaged.
    it('lets all threads of a reader share one arena of memory', async () => {
      const { stdout } = await startChild(
        sandboxed('env', [], { imagePath: '/dev/null', cpuSeconds: 5 }),
        limits,
      ).ended;
      assert.match(stdout, /^MALLOC_ARENA_MAX=1$/m);
    });

    it('ends every process of a conversion whose caller is killed', async () => {
      const [path, name] = [join(folder, 'orphan'), join(folder, 'orphan.out')];
      await makeQcow2Bomb(path);
      const script = `
      import { createQemuDiskImages } from './qemu-disk-images.ts';
      import { silentLog } from '#platform/log.ts';
      await createQemuDiskImages({ log: silentLog, socketFolder: process.env.FOLDER }).convert({ path: process.env.FROM, diskFormat: 'qcow2' }, 2 ** 32, { name: process.env.TO, intoExisting: false }, { timeoutMs: 60_000 });`;
      const caller = spawn(process.execPath, ['--input-type=module', '--eval', script], {
        cwd: import.meta.dirname,
        env: { ...process.env, FROM: path, TO: name, FOLDER: folder },
        stdio: 'ignore',
      });
      try {
        await eventually(
          async () => (await stat(name).catch(() => ({ size: 0 }))).size > 1024 ** 2,
          { withinMs: 30_000, what: 'the copy to be under way' },
        );
        assert.ok((await processes()).length >= 2, 'a server of the disk and a copier');
      } finally {
        caller.kill('SIGKILL');
      }
      await eventually(async () => (await processes()).length === 0, {
        withinMs: 10_000,
        what: 'its processes to be gone',
      });
    });
  },
);
