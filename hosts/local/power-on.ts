// Starts one host: configuration files, network namespace, detached init, and the wait until it is ready.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fault } from '#contracts/common/fault.ts';
import type { Outcome } from '#contracts/common/fault.ts';
import type { Clock } from '#platform/clock.ts';
import type { HostPaths } from './host-paths.ts';
import { findInit, isReady } from './init-process.ts';
import { etcHosts, libvirtdConf, qemuConf } from './libvirt-config.ts';
import { ensureNetns } from './netns.ts';

const initScript = join(import.meta.dirname, 'host-init.sh');
const libvirtd = '/usr/sbin/libvirtd';
const readyTimeoutMs = 20_000;

interface StartOptions {
  index: number;
  kvm: boolean;
  clock: Clock;
  /** Its init runs already (another process started it): only wait. */
  alreadyStarting: boolean;
}

export async function startHost(host: HostPaths, options: StartOptions): Promise<Outcome<void>> {
  if (!existsSync(libvirtd)) return fault('unavailable', `${libvirtd} is missing: apt-get install libvirt-daemon libvirt-daemon-driver-qemu`);
  let ended = (): string | null => null;
  if (!options.alreadyStarting) {
    await writeConfiguration(host, options.index);
    await ensureNetns(host.netns);
    ended = await spawnInit(host, options.kvm);
  }
  const deadline = options.clock.now() + readyTimeoutMs;
  for (;;) {
    const init = await findInit(host.pidFile);
    if (init && (await isReady(init, host.readyFile))) return;
    const end = ended();
    if (end !== null) return fault('unavailable', `host ${host.name} did not start (${end}); the end of ${host.logFile}:\n${await tail(host.logFile)}`);
    if (options.clock.now() >= deadline) {
      return fault('timeout', `host ${host.name} is not ready after ${readyTimeoutMs / 1000} s; the end of ${host.logFile}:\n${await tail(host.logFile)}`);
    }
    await options.clock.sleep(10);
  }
}

async function writeConfiguration(host: HostPaths, index: number): Promise<void> {
  await mkdir(join(host.dir, 'etc/libvirt'), { recursive: true });
  await writeFile(join(host.dir, 'etc/hosts'), etcHosts(host.name, index));
  await writeFile(join(host.dir, 'etc/libvirt/libvirtd.conf'), libvirtdConf(host.dir));
  await writeFile(join(host.dir, 'etc/libvirt/qemu.conf'), qemuConf());
}

/** Detached, in a session of its own and without our files: the host outlives us. Gives a function that tells how it ended. */
async function spawnInit(host: HostPaths, kvm: boolean): Promise<() => string | null> {
  const logFile = await open(host.logFile, 'w');
  const namespaces = ['--mount', '--uts', '--ipc', '--pid', '--fork', '--propagation', 'private'];
  const init = ['/bin/sh', initScript, host.dir, host.name, libvirtd, ...(kvm ? ['kvm'] : [])];
  const child = spawn('ip', ['netns', 'exec', host.netns, 'unshare', ...namespaces, ...init], {
    cwd: '/',
    detached: true,
    stdio: ['ignore', logFile.fd, logFile.fd],
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8' },
  });
  let end: string | null = null;
  child.on('error', (cause) => (end = String(cause)));
  child.on('exit', (code, signal) => (end = signal ? `ended by ${signal}` : `exit code ${code}`));
  child.unref();
  await logFile.close();
  return () => end;
}

async function tail(path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch(() => '');
  return text.trimEnd().split('\n').slice(-10).join('\n') || '(empty)';
}
