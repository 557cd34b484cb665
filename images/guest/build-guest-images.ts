// Builds the guest images `tiny` and `tiny-disk` on this machine. Called by `cobalt up`.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { chmod, glob, mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fault } from '#contracts/common/fault.ts';
import type { Outcome } from '#contracts/common/fault.ts';
import { systemClock } from '#platform/clock.ts';
import { systemIds } from '#platform/ids.ts';
import type { Log } from '#platform/log.ts';
import { buildDisk } from './build-disk.ts';
import { fetchPackages } from './fetch-packages.ts';
import { packInitrd } from './pack-initrd.ts';

export interface GuestImages {
  /** `tiny`: Linux for direct kernel boot. */
  kernel: string;
  /** `tiny`: its initial RAM disk, which is the complete guest. */
  ramdisk: string;
  /** `tiny-disk`: the same guest as a bootable qcow2 (BIOS), `diskSizeMib` large. */
  disk: string;
  diskSizeMib: number;
  /** E.g. '6.1.0-56-cloud-amd64'. */
  kernelVersion: string;
}

/**
 * Kernel command line of `tiny`, besides `console=ttyS0`: makes the first console line appear 0.3 s
 * earlier under emulation.
 */
export const tinyCommandLine =
  'quiet mitigations=off init_on_alloc=0 no_timer_check 8250.nr_uarts=1';

const diskSizeMib = 48;

/**
 * Returns the images; builds them unless `outDir` has them (5 to 15 s, mostly the download of 35
 * MB). The folder is named after a hash of the sources: changed sources cause a new build, which
 * removes the old one. Safe to repeat and to run twice at the same time, since a build is put in
 * place atomically. Needs no root. unavailable: wrong architecture, a missing tool, or no package
 * mirror; the message says which.
 */
export async function buildGuestImages({
  outDir,
  log,
}: {
  outDir: string;
  log: Log;
}): Promise<Outcome<GuestImages>> {
  if (process.arch !== 'x64')
    return fault(
      'unavailable',
      `the guest images are built on x86-64 machines only, this is ${process.arch}`,
    );
  const name = await sourceHash();
  const imageFolder = join(outDir, name);
  if (!existsSync(imageFolder)) {
    const startedAt = systemClock.monotonicMs();
    await mkdir(outDir, { recursive: true });
    await removeLeftovers(outDir);
    const workDir = join(outDir, `.building-${process.pid}-${systemIds.uuid().slice(0, 8)}`);
    try {
      await build(workDir);
      await rename(join(workDir, 'images'), imageFolder).catch((error: NodeJS.ErrnoException) => {
        // Another run was faster; its images are the same.
        if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
      });
    } catch (error) {
      return fault(
        'unavailable',
        `the guest images could not be built: ${error instanceof Error ? error.message : String(error)}`,
      );
    } finally {
      await rm(workDir, { recursive: true, force: true });
    }
    await removeOthers(outDir, name);
    log.info(
      { ms: Math.round(systemClock.monotonicMs() - startedAt), folder: imageFolder },
      'guest images built',
    );
  }
  const { kernelVersion } = JSON.parse(
    readFileSync(join(imageFolder, 'manifest.json'), 'utf8'),
  ) as {
    kernelVersion: string;
  }; // cast: written by this file, below
  return {
    kernel: join(imageFolder, 'kernel'),
    ramdisk: join(imageFolder, 'initrd'),
    disk: join(imageFolder, 'disk.qcow2'),
    diskSizeMib,
    kernelVersion,
  };
}

async function build(workDir: string): Promise<void> {
  await mkdir(join(workDir, 'images'), { recursive: true });
  const packages = await fetchPackages(workDir);
  const boot = join(workDir, 'root/boot');
  const kernel = (await readdir(boot)).find((file) => file.startsWith('vmlinuz-'));
  if (!kernel) throw new Error('the kernel package holds no vmlinuz');
  const kernelVersion = kernel.slice('vmlinuz-'.length);
  await rename(join(boot, kernel), join(workDir, 'kernel'));
  await packInitrd(workDir, kernelVersion);
  await buildDisk(workDir, `console=tty0 console=ttyS0,115200 ${tinyCommandLine}`, diskSizeMib);
  for (const file of ['kernel', 'initrd', 'disk.qcow2']) {
    await chmod(join(workDir, file), 0o600); // the kernel file still has its package's mode
    await rename(join(workDir, file), join(workDir, 'images', file));
  }
  await writeFile(
    join(workDir, 'images/manifest.json'),
    JSON.stringify({ kernelVersion, packages }, null, 2),
  );
}

/** A hash of everything in this folder that affects the images. */
async function sourceHash(): Promise<string> {
  const hash = createHash('sha256');
  const paths = await Array.fromAsync(
    glob('**', { cwd: import.meta.dirname, exclude: ['**/*.test.ts', '**/*.testing.ts'] }),
  );
  for (const path of paths.sort()) {
    const found = await stat(join(import.meta.dirname, path));
    if (found.isFile())
      hash.update(`${path}\0${found.mode}\0`).update(readFileSync(join(import.meta.dirname, path)));
  }
  return hash.digest('hex').slice(0, 12);
}

/** Removes work folders of builds whose process has ended. */
async function removeLeftovers(outDir: string): Promise<void> {
  for (const entry of await readdir(outDir)) {
    const pid = /^\.building-(\d+)-/.exec(entry)?.[1];
    if (pid && !existsSync(`/proc/${pid}`))
      await rm(join(outDir, entry), { recursive: true, force: true });
  }
}

async function removeOthers(outDir: string, keep: string): Promise<void> {
  for (const entry of await readdir(outDir)) {
    if (/^[0-9a-f]{12}$/.test(basename(entry)) && entry !== keep)
      await rm(join(outDir, entry), { recursive: true, force: true });
  }
}
