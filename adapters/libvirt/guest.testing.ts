// Builds the test guest from Debian's cloud kernel and a busybox initrd. Cached between test runs.
import { execFile, spawn } from 'node:child_process';
import { createReadStream, createWriteStream } from 'node:fs';
import { chmod, copyFile, mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createGzip } from 'node:zlib';
import type { GuestImage, GuestSpec } from '#contracts/nova/guest.ts';
import { ok } from '#ports/hypervisor-fixture.testing.ts';
import type { Hypervisor } from '#ports/hypervisor.ts';

const run = promisify(execFile);
// Beside the npm packages, so that nothing is left outside the repository.
const buildCache = fileURLToPath(new URL('../../node_modules/.cache/test-guest', import.meta.url));
const kernelModules = ['virtio_pci', 'virtio_blk', 'button', 'evdev', 'isofs', 'virtio_balloon'];

export interface TestGuest {
  kernelPath: string;
  ramdiskPath: string;
}

/** The kernel part of the test guest's spec, with its images in the cache of each of `hosts`. */
export async function testKernel(
  { kernelPath, ramdiskPath }: TestGuest,
  hosts: readonly Hypervisor[],
): Promise<NonNullable<GuestSpec['kernel']>> {
  const cached = async (id: string, diskFormat: string, file: string): Promise<GuestImage> => {
    const image = { id, diskFormat, sizeBytes: (await stat(file)).size, checksum: '' };
    for (const host of hosts) ok(await host.ensureImage(image, async () => createReadStream(file)));
    return image;
  };
  return {
    kernel: await cached('kernel', 'aki', kernelPath),
    ramdisk: await cached('ramdisk', 'ari', ramdiskPath),
    commandLine: 'quiet',
  };
}

/** The guest, or the reason why it cannot be built here. */
export async function buildTestGuest(): Promise<TestGuest | { skip: string }> {
  try {
    const kernelPath = (await findKernel()) ?? (await downloadKernel());
    if (kernelPath === null) return { skip: 'no Debian cloud kernel could be downloaded' };
    const ramdiskPath = path.join(buildCache, 'contract-initrd.gz');
    const init = fileURLToPath(new URL('guest-init.testing.sh', import.meta.url));
    const [ramdisk, source] = await Promise.all([stat(ramdiskPath).catch(() => null), stat(init)]);
    if (!ramdisk || ramdisk.mtimeMs < source.mtimeMs) await buildInitrd(init, ramdiskPath);
    return { kernelPath, ramdiskPath };
  } catch (error) {
    return { skip: `test guest: ${(error as Error).message}` };
  }
}

async function findKernel(): Promise<string | null> {
  const names = await readdir(path.join(buildCache, 'boot')).catch(() => []);
  const kernel = names.find((name) => name.startsWith('vmlinuz-'));
  return kernel === undefined ? null : path.join(buildCache, 'boot', kernel);
}

async function downloadKernel(): Promise<string | null> {
  const scratch = await mkdtemp('/tmp/guestkernel-');
  try {
    const { stdout } = await run('apt-cache', ['depends', 'linux-image-cloud-amd64'], {
      timeout: 30_000,
    });
    const name = /Depends: (linux-image-\S+)/.exec(stdout)?.[1];
    if (name === undefined) return null;
    await run('apt-get', ['download', name], { cwd: scratch, timeout: 120_000 });
    const [archive] = await readdir(scratch);
    if (archive === undefined) return null;
    await mkdir(buildCache, { recursive: true });
    await run('dpkg', ['-x', path.join(scratch, archive), buildCache], { timeout: 60_000 });
    return await findKernel();
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function buildInitrd(init: string, target: string): Promise<void> {
  const root = await mkdtemp('/tmp/guest-initrd-');
  try {
    const modules = path.join(buildCache, 'lib/modules');
    const [version] = await readdir(modules);
    if (version === undefined) throw new Error(`no modules below ${modules}`);
    await mkdir(path.join(root, 'bin'));
    await copyFile('/bin/busybox', path.join(root, 'bin/busybox'));
    await copyFile(init, path.join(root, 'init'));
    await chmod(path.join(root, 'init'), 0o755);
    await run('depmod', ['-b', buildCache, version], { timeout: 60_000 });
    for (const module of kernelModules) {
      const { stdout } = await run(
        'modprobe',
        ['-d', buildCache, '-S', version, '--show-depends', module],
        { timeout: 10_000 },
      );
      for (const [, file] of stdout.matchAll(/^insmod (\S+)/gm)) {
        const inside = path.join(root, path.relative(buildCache, file ?? ''));
        await mkdir(path.dirname(inside), { recursive: true });
        await copyFile(file ?? '', inside);
      }
    }
    await run('depmod', ['-b', root, version], { timeout: 60_000 });
    const { stdout: list } = await run('find', ['.'], { cwd: root });
    const archive = spawn('cpio', ['-o', '-H', 'newc', '--quiet'], {
      cwd: root,
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    archive.stdin.end(list);
    await pipeline(archive.stdout, createGzip({ level: 1 }), createWriteStream(`${target}.part`));
    await rename(`${target}.part`, target);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}
