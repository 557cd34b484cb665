// Starts a private libvirtd for tests and ends it with all its guests. Leaves nothing behind.
import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { bound } from '#platform/child-process.ts';
import { eventually } from '#platform/testing/eventually.ts';
import { answersAt, whatIsMissing } from '#platform/testing/real-daemon.ts';

export interface PrivateLibvirtd {
  folder: string;
  socketPath: string;
  /** Kills only the daemon; its supervisor restarts it and the guests continue to run. */
  killDaemon(): Promise<void>;
  /** Root of its file system as this process sees it. */
  root(): Promise<string>;
  /** Kills the daemon, and lets it be started again only by `releaseDaemon`. */
  holdDaemon(): Promise<void>;
  releaseDaemon(): Promise<void>;
  close(): Promise<void>;
}

const tools = [
  '/usr/sbin/libvirtd',
  '/usr/bin/qemu-system-x86_64',
  '/usr/bin/qemu-img',
  '/usr/bin/unshare',
  '/usr/sbin/ovs-vswitchd',
  '/usr/sbin/ovsdb-server',
];

/** Why a libvirtd cannot run here; null: it can. */
export async function whyNoLibvirtd(): Promise<string | null> {
  return process.getuid?.() === 0 ? await whatIsMissing(tools) : 'needs root for namespaces';
}

export async function startPrivateLibvirtd(): Promise<PrivateLibvirtd> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'cobalt-libvirtd-'));
  const script = fileURLToPath(new URL('private-libvirtd.sh', import.meta.url));
  // `bound`: if the test process is killed, this one dies too, and with it its pid namespace
  // including every QEMU.
  const namespaces = ['--mount', '--net', '--uts', '--ipc', '--pid', '--mount-proc'];
  const [program = '', ...words] = bound([
    'unshare',
    ...namespaces,
    '--fork',
    '--kill-child',
    'bash',
    script,
    folder,
  ]);
  const child = spawn(program, words, { stdio: ['ignore', 'ignore', 'pipe'] });
  let complaint = '';
  child.stderr.on(
    'data',
    (chunk: Buffer) => (complaint = (complaint + chunk.toString()).slice(-2000)),
  );
  const exit = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const close = async () => {
    child.kill('SIGKILL');
    await exit;
    await eventually(
      async () =>
        rm(folder, { recursive: true, force: true }).then(
          () => true,
          () => false,
        ),
      { withinMs: 5_000, what: 'the folder of the private libvirtd is gone' },
    );
  };
  // Nothing may outlive the test run, even when it is aborted.
  process.once('exit', () => child.kill('SIGKILL'));
  const socketPath = path.join(folder, 'run/libvirt/libvirt-sock');
  try {
    await eventually(() => answersAt(socketPath), { withinMs: 15_000, what: 'libvirtd answers' });
  } catch (error) {
    await close();
    throw new Error(`libvirtd does not answer: ${complaint}`, { cause: error });
  }
  const killDaemon = async () => {
    // The pid file has the pid in the inner pid namespace; /proc maps it to ours.
    const inner = (await readFile(path.join(folder, 'run/libvirt/libvirtd.pid'), 'utf8')).trim();
    process.kill(await outerPid(child.pid ?? 0, inner), 'SIGKILL');
  };
  const supervisor = async () => await outerPid(child.pid ?? 0, '1');
  return {
    folder,
    socketPath,
    killDaemon,
    root: async () => `/proc/${await supervisor()}/root`,
    holdDaemon: async () => {
      process.kill(await supervisor(), 'SIGSTOP');
      await killDaemon();
    },
    releaseDaemon: async () => void process.kill(await supervisor(), 'SIGCONT'),
    close,
  };
}

/**
 * The pid in our namespace of the process that is `inner` in the pid namespace whose init is a
 * child of `unsharePid`.
 */
async function outerPid(unsharePid: number, inner: string): Promise<number> {
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const status = await readFile(`/proc/${entry}/status`, 'utf8').catch(() => '');
    const pids = /^NSpid:\s+(.*)$/m.exec(status)?.[1]?.split(/\s+/) ?? [];
    if (pids.length >= 2 && pids.at(-1) === inner && (await isBelow(Number(entry), unsharePid)))
      return Number(entry);
  }
  throw new Error(`no process ${inner} below ${unsharePid}`);
}

async function isBelow(pid: number, ancestor: number): Promise<boolean> {
  for (let at = pid; at > 1;) {
    if (at === ancestor) return true;
    const status = await readFile(`/proc/${at}/status`, 'utf8').catch(() => '');
    at = Number(/^PPid:\s+(\d+)$/m.exec(status)?.[1] ?? 0);
  }
  return false;
}
