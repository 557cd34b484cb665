// A real cloud for end-to-end tests, created as a user would: `./cobalt up --detach` in its own
// folder, and `down --purge` afterwards; if the test is killed, cli/sweep-tests.ts removes the
// cloud.
import { execFile, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { bound } from '#platform/child-process.ts';
import { eventually } from '#platform/testing/eventually.ts';
import { freePort } from '#platform/testing/free-port.ts';
import { ownedFolder, removeOwnedFolder } from '#platform/testing/owned-folder.ts';

const run = promisify(execFile);
export const repository = join(import.meta.dirname, '..', '..');

/** Reason why real clouds cannot run on this machine, for a test's `skip`; false if they can. */
export function realCloudMissing(): string | false {
  if (process.getuid?.() !== 0) return 'needs root (namespaces)';
  for (const tool of ['libvirtd', 'qemu-system-x86_64', 'openstack'])
    if (spawnSync('sh', ['-c', `command -v ${tool}`]).status !== 0)
      return `needs ${tool} (./cobalt test installs it)`;
  return false;
}

/** The same for a distributed cloud with simulated hosts. */
export function distributedCloudMissing(): string | false {
  for (const tool of ['haproxy', 'mariadbd', 'rabbitmq-server', 'openstack'])
    if (spawnSync('sh', ['-c', `PATH=$PATH:/usr/sbin; command -v ${tool}`]).status !== 0)
      return `needs ${tool} (./cobalt test installs it)`;
  return false;
}

export interface TestCloud {
  dir: string;
  port: number;
  env: Record<string, string>;
  /** Runs `./cobalt WORDS… --home DIR`; returns its standard output. Throws if it fails. */
  cobalt(...words: string[]): Promise<string>;
  /** Runs the stock client as admin: `openstack WORDS…`. */
  openstack(...words: string[]): Promise<string>;
  /** Runs the client with `-f json`; returns the parsed output. */
  json<T>(...words: string[]): Promise<T>;
  virsh(host: string, ...words: string[]): Promise<string>;
  up(...words: string[]): Promise<string>;
  /** The output of `cobalt status --json`, whatever its exit code. */
  status(): Promise<CloudStatus>;
  /**
   * Kills the control plane with SIGKILL; resolves when its supervisor has restarted it.
   * `meanwhile` runs while it is dead.
   */
  killControl(meanwhile?: () => Promise<void>): Promise<void>;
  close(): Promise<void>;
}

/** Arguments of the client: boots a guest of the image `tiny` and waits until it is ACTIVE. */
export const createTiny = (name: string, ...options: string[]): string[] => [
  'server',
  'create',
  '--image=tiny',
  '--flavor=m1.nano',
  ...options,
  '--wait',
  name,
];

export interface CloudStatus {
  running: boolean;
  restarts?: { count: number };
  control?: { pid: number; ready: boolean };
  hosts?: { name: string; state: string }[];
  services?: { binary: string; host: string; state: string }[];
}

const restartTimeoutMs = 60_000;
const commandTimeoutMs = 300_000;

export async function testCloud(): Promise<TestCloud> {
  // A short path outside /tmp: the path of a Unix socket has at most 107 bytes.
  const dir = ownedFolder('/var/tmp/cc-');
  const port = await freePort();
  const cobalt = async (...words: string[]): Promise<string> => {
    // If the test is killed, so is a command in progress, e.g. `up`.
    const [command = '', ...args] = bound([join(repository, 'cobalt'), ...words, '--home', dir]);
    return (await run(command, args, { timeout: commandTimeoutMs, maxBuffer: 64 * 1024 * 1024 }))
      .stdout;
  };
  const cloud: TestCloud = {
    dir,
    port,
    env: {},
    cobalt,
    async openstack(...words) {
      return (
        await run('openstack', words, {
          env: { PATH: process.env['PATH'] ?? '', HOME: dir, ...cloud.env },
          timeout: commandTimeoutMs,
          maxBuffer: 64 * 1024 * 1024,
        })
      ).stdout;
    },
    async json<T>(...words: string[]) {
      // Cast: the caller names the type of the command's output.
      return JSON.parse(await cloud.openstack(...words, '-f', 'json')) as T;
    },
    async virsh(host, ...words) {
      return (
        await run(
          'virsh',
          [
            '-q',
            '-c',
            `qemu+unix:///system?socket=${join(dir, 'hosts', host, 'run/libvirt/libvirt-sock')}`,
            ...words,
          ],
          { timeout: 30_000 },
        )
      ).stdout;
    },
    async up(...words) {
      const output = await cobalt('up', '--detach', '--port', String(port), ...words);
      const exports = await cobalt('openrc');
      for (const [, name = '', value = ''] of exports.matchAll(/^export (\w+)='(.*)'$/gm))
        cloud.env[name] = value;
      return output;
    },
    async status() {
      // Exit codes 3 and 4 only report that something is down; the output is complete.
      const text = await cobalt('status', '--json').catch(
        (error: { stdout: string }) => error.stdout,
      );
      return JSON.parse(text) as CloudStatus; // cast: the format of cli/commands/status.ts
    },
    async killControl(meanwhile) {
      const { control: before } = await cloud.status();
      if (!before) throw new Error('no control plane runs');
      process.kill(before.pid, 'SIGKILL');
      await meanwhile?.();
      await eventually(
        async () => {
          // The restarted control plane does not answer yet.
          const { control } = await cloud.status().catch(() => ({ control: undefined }));
          return control !== undefined && control.pid !== before.pid && control.ready;
        },
        { withinMs: restartTimeoutMs, everyMs: 250, what: 'the control plane is back' },
      );
    },
    async close() {
      await cobalt('down', '--purge');
      removeOwnedFolder(dir);
    },
  };
  return cloud;
}
