// Builds a Debian 12 cloud image with cloud-init from Debian's packages. Called by `cobalt image
// build debian`.
import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fault } from '#contracts/common/fault.ts';
import type { Outcome } from '#contracts/common/fault.ts';
import { runTool } from '#hosts/local/run-tool.ts';
import { systemIds } from '#platform/ids.ts';
import { makeBootDisk } from './boot-disk.ts';

export const debianImage = {
  name: 'debian-12',
  release: 'bookworm',
  diskMib: 1024,
  minRamMib: 512,
  user: 'debian',
} as const;

/**
 * The image's packages: a kernel, systemd, cloud-init with the programs that it calls, ssh, and
 * basic administration tools.
 */
const packages = [
  'linux-image-cloud-amd64',
  'initramfs-tools',
  'zstd',
  'systemd-sysv',
  'systemd-resolved',
  'systemd-timesyncd',
  'dbus',
  'udev',
  'kmod',
  'cloud-init',
  'cloud-guest-utils',
  'fdisk',
  'e2fsprogs',
  'isc-dhcp-client',
  'openssh-server',
  'qemu-guest-agent',
  'sudo',
  'ca-certificates',
  'netbase',
  'iproute2',
  'iputils-ping',
  'procps',
  'less',
  'nano',
  'bash-completion',
  'tzdata',
];
const rootfs = join(import.meta.dirname, 'rootfs');
/** A bootstrap takes two minutes with a fast mirror, half an hour with a slow one. */
const bootstrapTimeoutMs = 1_800_000;

export interface DebianBuild {
  /** The folder for the image `debian-12.qcow2`, which is put there atomically. */
  outDir: string;
  /** A Debian mirror; undefined: deb.debian.org with its updates and security updates. */
  mirror?: string | undefined;
  /** Called with the current step, in a few words. */
  onProgress(text: string): void;
}

/**
 * Builds the image and returns its path. Leftovers of a killed build are removed by the next one;
 * two builds may run at the same time. Needs root. unavailable: a tool or the mirror is missing;
 * the message says which.
 */
export async function buildDebianImage({
  outDir,
  mirror,
  onProgress,
}: DebianBuild): Promise<Outcome<string>> {
  if (process.arch !== 'x64')
    return fault(
      'unavailable',
      `the image is built on x86-64 machines only, this is ${process.arch}`,
    );
  if (process.getuid?.() !== 0)
    return fault(
      'forbidden',
      'files of a Debian system belong to root: building one needs root (sudo)',
    );
  await mkdir(outDir, { recursive: true, mode: 0o700 });
  await removeLeftovers(outDir);
  const workDir = join(outDir, `.building-debian-${process.pid}-${systemIds.uuid().slice(0, 8)}`);
  const image = join(outDir, `${debianImage.name}.qcow2`);
  try {
    const root = join(workDir, 'root');
    await mkdir(workDir, { recursive: true, mode: 0o700 });
    await runTool('unshare', bootstrapCommand(root, mirror), {
      timeoutMs: bootstrapTimeoutMs,
      onErrorLine: (line) => reportLine(line, onProgress),
    });
    onProgress('preparing the system for its first boot');
    await prepareFirstBoot(root);
    onProgress('writing the disk');
    await makeBootDisk(workDir, root, { label: 'cobalt-root', sizeMib: debianImage.diskMib });
    await rename(join(workDir, 'disk.qcow2'), image);
    return image;
  } catch (error) {
    return fault(
      'unavailable',
      `the image could not be built: ${error instanceof Error ? error.message : String(error)}`,
    );
  } finally {
    await rm(workDir, { recursive: true, force: true });
  }
}

/**
 * The command that runs mmdebstrap in its own namespaces, so that a killed build leaves no process
 * and no mount. The files of rootfs/ are copied before the packages are installed, so that the
 * kernel's initial RAM disk is generated only once, with them.
 */
export function bootstrapCommand(root: string, mirror: string | undefined): string[] {
  return [
    '--mount',
    '--pid',
    '--fork',
    '--kill-child',
    '--mount-proc',
    'mmdebstrap',
    '--mode=root',
    '--variant=apt',
    `--include=${packages.join(',')}`,
    '--aptopt=Apt::Install-Recommends "false"',
    '--dpkgopt=path-exclude=/usr/share/man/*',
    '--dpkgopt=path-exclude=/usr/share/doc/*',
    '--dpkgopt=path-include=/usr/share/doc/*/copyright',
    `--essential-hook=sync-in '${rootfs.replaceAll("'", String.raw`'\''`)}' /`,
    debianImage.release,
    root,
    ...(mirror === undefined ? [] : [mirror]),
  ];
}

/**
 * Prepares the image for its first boot: removes what must differ between servers. cloud-init
 * configures networks by systemd-networkd.
 */
async function prepareFirstBoot(root: string): Promise<void> {
  await runTool('chroot', [root, 'systemctl', 'enable', 'systemd-networkd.service']);
  // e2scrub_reap is for file systems on LVM; here it only takes time.
  await runTool('chroot', [root, 'systemctl', 'mask', 'e2scrub_reap.service']);
  for (const name of await readdir(join(root, 'etc/ssh')))
    if (name.startsWith('ssh_host_')) await rm(join(root, 'etc/ssh', name));
  await rm(join(root, 'var/lib/dbus/machine-id'), { force: true });
  // An empty machine-id is filled at boot; without the file, systemd would ask questions on the
  // console. machine-id(5)
  await writeFile(join(root, 'etc/machine-id'), '');
}

/** Reports steps: mmdebstrap prints `I: …` for decisions and `I: …...` for each long step. */
function reportLine(line: string, onProgress: (text: string) => void): void {
  const step = /^I: (.*)\.\.\.$/.exec(line)?.[1];
  if (step !== undefined) onProgress(step);
}

/** Removes work folders of builds whose process has ended. */
async function removeLeftovers(outDir: string): Promise<void> {
  for (const entry of await readdir(outDir)) {
    const pid = /^\.building-debian-(\d+)-/.exec(entry)?.[1];
    if (pid && !existsSync(`/proc/${pid}`))
      await rm(join(outDir, entry), { recursive: true, force: true });
  }
}
