// Builds the command line of a process that reads a tenant's image in a sandbox: it sees only that
// file and QEMU's libraries, has no network, no privileges and little memory, and is killed with
// the process that started it. bwrap(1) (bubblewrap), prlimit(1).
import { existsSync } from 'node:fs';

/** The image's path inside the sandbox. */
export const imageInside = '/image';

const maxAddressBytes = 1024 ** 3; // the limit of stock Glance, Cinder and Nova
const maxOpenFiles = 64;
const nobody = '65534';

const libraries = { x64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu' } as const;
const loaders = ['/usr/lib64', '/usr/lib/ld-linux-aarch64.so.1'];

export interface SandboxOptions {
  imagePath: string;
  cpuSeconds: number;
  /** A folder in which the process may create its socket. */
  socketFolder?: { outside: string; inside: string };
}

/** The command line of `tool`, a program in /usr/bin, in the sandbox. */
export function sandboxed(
  tool: string,
  args: readonly string[],
  options: SandboxOptions,
): string[] {
  const { imagePath, cpuSeconds, socketFolder } = options;
  const library = `/usr/lib/${libraries[process.arch === 'arm64' ? 'arm64' : 'x64']}`;
  const program = `/usr/bin/${tool}`;
  return [
    'prlimit',
    `--as=${maxAddressBytes}`,
    `--cpu=${cpuSeconds}`,
    '--core=0',
    `--nofile=${maxOpenFiles}`,
    '--fsize=0',
    '--',
    'bwrap',
    '--unshare-all',
    '--die-with-parent',
    '--new-session',
    '--cap-drop',
    'ALL',
    '--uid',
    nobody,
    '--gid',
    nobody,
    '--clearenv',
    '--setenv',
    'LC_ALL',
    'C',
    // With one malloc arena for each thread, 64 MiB of address space each, reads fail at random at
    // the limit. mallopt(3), M_ARENA_MAX.
    '--setenv',
    'MALLOC_ARENA_MAX',
    '1',
    '--ro-bind',
    library,
    library,
    '--ro-bind',
    program,
    program,
    '--symlink',
    'usr/lib',
    '/lib',
    '--symlink',
    'usr/lib64',
    '/lib64',
    ...loaders.filter((path) => existsSync(path)).flatMap((path) => ['--ro-bind', path, path]),
    // QEMU opens /dev/null to find out which kind of locks the kernel supports.
    '--dev-bind',
    '/dev/null',
    '/dev/null',
    ...(socketFolder ? ['--bind', socketFolder.outside, socketFolder.inside] : []),
    '--ro-bind',
    imagePath,
    imageInside,
    '--remount-ro',
    '/',
    '--chdir',
    '/',
    program,
    ...args,
  ];
}
