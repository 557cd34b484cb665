// Creates the guest's initial RAM disk from a folder of unpacked Debian packages and the files of
// rootfs/.
import { readFileSync, statSync } from 'node:fs';
import { cp, glob, mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { runTool } from '#hosts/local/run-tool.ts';
import { cpio, directory, file, link } from './cpio.ts';
import type { ArchiveEntry } from './cpio.ts';

const rootfs = join(import.meta.dirname, 'rootfs');

/** Kernel modules for QEMU's devices; their dependencies are added automatically. */
const modules = [
  'virtio_pci',
  'virtio_blk',
  'virtio_net',
  'virtio_console',
  'virtio_scsi',
  'virtio_balloon',
  'virtio-rng',
  'ata_piix',
  'ata_generic',
  'ahci',
  'sd_mod',
  'sr_mod',
  'e1000',
  'button',
  'evdev',
  'ext4',
  'crc32c_generic',
  'isofs',
  'vfat',
  'nls_cp437',
  'nls_ascii',
  'nls_utf8',
];
const dynamicPrograms = ['usr/sbin/dropbear', 'usr/bin/dropbearkey', 'usr/sbin/qemu-ga'];
const emptyFolders = [
  'proc',
  'sys',
  'dev',
  'run',
  'tmp',
  'mnt',
  'var',
  'root/.ssh',
  'etc/dropbear',
  'usr/var/run',
];

/**
 * Writes the archive to `${workDir}/initrd`. Light compression: 6 MB instead of 14, without a
 * slower boot. `further`: additional modules for tests.
 */
export async function packInitrd(
  workDir: string,
  kernelVersion: string,
  further: readonly string[] = [],
): Promise<void> {
  const root = join(workDir, 'root');
  const entries: ArchiveEntry[] = [
    ...emptyFolders.map(directory),
    { path: 'dev/console', mode: 0o020600, device: [5, 1] },
    link('var/run', '/run'),
    ...(await ownFiles()),
    ...(await busybox(root)),
    ...(await dynamic(root)),
    ...(await drivers(workDir, kernelVersion, [...modules, ...further])),
  ];
  await writeFile(join(workDir, 'initrd'), gzipSync(cpio(entries), { level: 1 }));
}

async function ownFiles(): Promise<ArchiveEntry[]> {
  const paths: string[] = [];
  for await (const path of glob('**', { cwd: rootfs }))
    if (statSync(join(rootfs, path)).isFile()) paths.push(path);
  return paths
    .sort()
    .map((path) =>
      file(
        path,
        readFileSync(join(rootfs, path)),
        (statSync(join(rootfs, path)).mode & 0o100) !== 0,
      ),
    );
}

async function busybox(root: string): Promise<ArchiveEntry[]> {
  const program = (await readdir(root)).includes('bin')
    ? join(root, 'bin/busybox')
    : join(root, 'usr/bin/busybox');
  const applets = (await runTool(program, ['--list-full']))
    .trim()
    .split('\n')
    .filter((path) => basename(path) !== 'busybox');
  return [
    file('bin/busybox', readFileSync(program), true),
    ...applets.map((path) => link(path, '/bin/busybox')),
  ];
}

/**
 * Dynamically linked programs with their libraries, found by the loader from the packages; each
 * file is put at the path where the loader expects it.
 */
async function dynamic(root: string): Promise<ArchiveEntry[]> {
  const folders = ['lib/x86_64-linux-gnu', 'usr/lib/x86_64-linux-gnu'].map((folder) =>
    join(root, folder),
  );
  const loader = (
    await Array.fromAsync(glob('{,usr/}lib/x86_64-linux-gnu/ld-linux-x86-64.so.2', { cwd: root }))
  )[0];
  if (!loader) throw new Error('the package libc6 holds no loader');
  const libraries = new Map<string, string>();
  for (const program of dynamicPrograms) {
    const listed = await runTool(join(root, loader), [
      '--library-path',
      folders.join(':'),
      '--list',
      join(root, program),
    ]);
    const missing = /^[ \t]*(\S+) => not found/m.exec(listed)?.[1];
    if (missing)
      throw new Error(
        `${program} needs ${missing}: add its package to furtherLibraries in fetch-packages.ts`,
      );
    for (const [, path = ''] of listed.matchAll(/=> (\S+) \(/g))
      if (path.startsWith(root)) libraries.set(basename(path), path);
  }
  return [
    file('lib64/ld-linux-x86-64.so.2', readFileSync(join(root, loader)), true),
    ...[...libraries].map(([name, path]) =>
      file(`lib/x86_64-linux-gnu/${name}`, readFileSync(path), false),
    ),
    ...dynamicPrograms.map((path) => file(path, readFileSync(join(root, path)), true)),
  ];
}

/** The listed modules, their dependencies, and the tables that modprobe reads. */
async function drivers(
  workDir: string,
  version: string,
  wanted: readonly string[],
): Promise<ArchiveEntry[]> {
  const source = join(workDir, 'root/lib/modules', version);
  await runTool('/sbin/depmod', ['-b', join(workDir, 'root'), version]);
  const dependencies = new Map(
    (await readFile(join(source, 'modules.dep'), 'utf8'))
      .split('\n')
      .map((line) => [moduleName(line), line] as const),
  );
  const needed = new Set<string>();
  for (const name of wanted) {
    // A line is `path: path path`. A module without a line is built into this kernel.
    for (const path of dependencies.get(name.replaceAll('-', '_'))?.split(/:? /) ?? [])
      if (path) needed.add(path.replace(/:$/, ''));
  }
  const target = join(workDir, 'drivers/lib/modules', version);
  for (const path of needed) {
    await mkdir(join(target, path, '..'), { recursive: true });
    await cp(join(source, path), join(target, path));
  }
  for (const table of ['modules.order', 'modules.builtin', 'modules.builtin.modinfo'])
    await cp(join(source, table), join(target, table));
  await runTool('/sbin/depmod', ['-b', join(workDir, 'drivers'), version]);
  const tables = ['modules.dep', 'modules.alias'];
  return [...tables, ...[...needed].sort()].map((path) =>
    file(`lib/modules/${version}/${path}`, readFileSync(join(target, path)), false),
  );
}

function moduleName(line: string): string {
  return basename(line.split(':')[0] ?? '')
    .replace(/\.ko.*$/, '')
    .replaceAll('-', '_');
}
