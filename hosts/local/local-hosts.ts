// Namespaced hypervisor hosts on this machine: the face of hosts/local, used by compose and the
// CLI. A host is a network, mount, UTS, IPC and PID namespace with its own libvirtd, Open vSwitch
// and ovn-controller; it does not know who started it.
import { existsSync } from 'node:fs';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Fault, Outcome } from '#contracts/common/fault.ts';
import type { Clock } from '#platform/clock.ts';
import type { Log } from '#platform/log.ts';
import { hostPaths, hostsDir, netnsPrefix } from './host-paths.ts';
import type { HostPaths } from './host-paths.ts';
import { cutPower, initState, removeInit } from './init-life.ts';
import type { NetworkFacts } from './local-network.ts';
import { oneAtATime } from './machine-lock.ts';
import { listNetns } from './netns.ts';
import { nfsClientOf } from './nfs-client.ts';
import type { NfsClient } from './nfs-client.ts';
import { startHost } from './power-on.ts';
import { realStateDir } from './real-state-dir.ts';

/**
 * `absent`: no folder and no namespace; `off`: only its folder; `starting`: its init runs, libvirtd
 * does not answer yet.
 */
export type LocalHostState = 'absent' | 'off' | 'starting' | 'running';

export interface LocalHost {
  name: string;
  state: LocalHostState;
  /**
   * PID of the host's init as the machine sees it, for nsenter(1) and for `kill -9`, a power
   * failure; null when off.
   */
  initPid: number | null;
  /** The host's folder on this machine. */
  dir: string;
  libvirtSocket: string;
  /** OVSDB remote of the host's Open vSwitch, `unix:...`. */
  ovsdb: string;
  /** The same path inside and outside the host; survives power failures, goes with `remove`. */
  dataDir: string;
  netns: string;
  /** An operator keeps it off: `powerOn` refuses until `release`. */
  heldOff: boolean;
  /**
   * Whether its kernel mounts the filer's share, else QEMU's own client reaches it; null before its
   * first start.
   */
  nfsClient: NfsClient | null;
}

/**
 * Expected troubles are faults whose message says what to do. Calls for one host are carried out
 * one after the other.
 */
export interface LocalHosts {
  /**
   * Starts the host unless it runs, and waits until libvirtd and switch answer (about 0.7 s,
   * deadline 20 s). Mends what an unclean death left: stale PID files, namespaces, stragglers. The
   * host survives the death of this process.
   * `index` (1 to 250) is the host's number, its addresses are made of it.
   * conflict: held off. forbidden: not root. badRequest: bad name or state folder. unavailable: a
   * tool is missing or the init ended; timeout.
   */
  powerOn(
    name: string,
    options: { index: number; network: NetworkFacts },
  ): Promise<Outcome<LocalHost>>;
  /**
   * A power failure: SIGKILL to the host's init and with it to all its processes, guests included.
   * An absent host is fine. timeout: it does not die.
   */
  powerOff(name: string): Promise<Outcome<void>>;
  /**
   * From now on nobody powers it on, also not after a restart of the cloud, until `release`. One
   * that runs goes on until `powerOff`. Safe to repeat.
   */
  holdOff(name: string): Promise<Outcome<void>>;
  /** Ends `holdOff`; starting it is somebody else's. Safe to repeat. */
  release(name: string): Promise<Outcome<void>>;
  state(name: string): Promise<Outcome<LocalHost>>;
  /** All hosts with a folder or a namespace, by name. */
  list(): Promise<LocalHost[]>;
  /** Power off, then folder, disks and namespace are gone. An absent host is fine. */
  remove(name: string): Promise<Outcome<void>>;
  /** `remove` for every host of this state folder; the first fault, after all were tried. */
  removeAll(): Promise<Outcome<void>>;
}

export interface LocalHostsDeps {
  stateDir: string;
  log: Log;
  clock: Clock;
  /** Give the hosts /dev/kvm; see probe-acceleration.ts. */
  kvm: boolean;
}

export function createLocalHosts({ stateDir: given, log, clock, kvm }: LocalHostsDeps): LocalHosts {
  const stateDir = realStateDir(given);
  const queues = new Map<string, Promise<unknown>>();

  /** Carries out `work` after what was asked of this host before. */
  function inTurn<T>(
    name: string,
    work: (host: HostPaths) => Promise<Outcome<T>>,
  ): Promise<Outcome<T>> {
    const host = hostPaths(stateDir, name);
    if (isFault(host)) return Promise.resolve(host);
    if (process.getuid?.() !== 0)
      return Promise.resolve(
        fault('forbidden', 'hypervisor hosts need root: run ./cobalt as root or with sudo'),
      );
    const turn = (queues.get(name) ?? Promise.resolve()).then(() => alone(host, () => work(host)));
    const settled = turn.catch(() => undefined);
    queues.set(name, settled);
    void settled.then(() => queues.get(name) === settled && queues.delete(name));
    return turn;
  }

  /**
   * Also against other processes: the CLI switches hosts beside a running cloud that keeps them on.
   */
  async function alone<T>(host: HostPaths, work: () => Promise<Outcome<T>>): Promise<Outcome<T>> {
    return existsSync(host.dir)
      ? await oneAtATime(join(host.dir, 'power.lock'), work)
      : await work();
  }

  async function look(host: HostPaths): Promise<LocalHost> {
    const { state, pid } = await initState(host);
    const known = state !== 'off' || (await names()).includes(host.name);
    return {
      name: host.name,
      state: known ? state : 'absent',
      initPid: pid,
      dir: host.dir,
      libvirtSocket: host.libvirtSocket,
      ovsdb: `unix:${host.ovsdbSocket}`,
      dataDir: host.dataDir,
      netns: host.netns,
      heldOff: existsSync(host.heldOffFile),
      nfsClient: await nfsClientOf(host.dir),
    };
  }

  async function names(): Promise<string[]> {
    const folders = await readdir(hostsDir(stateDir)).catch(() => []); // no folder, no hosts
    const prefix = netnsPrefix(stateDir);
    const netns = (await listNetns(prefix)).map((full) => full.slice(prefix.length));
    return [...new Set([...folders, ...netns])].sort();
  }

  return {
    powerOn: (name, { index, network }) =>
      inTurn(name, async (host) => {
        const before = await look(host);
        if (before.heldOff)
          return fault(
            'conflict',
            `host ${name} is kept off; \`cobalt host start ${name}\` ends that`,
          );
        if (before.state === 'running') return before;
        if (before.state !== 'starting') {
          const cleared = await cutPower(host, { clock, log });
          if (isFault(cleared)) return cleared;
        }
        await mkdir(host.dataDir, { recursive: true });
        const startedAt = clock.now();
        const started = await startHost(host, {
          index,
          network,
          kvm,
          clock,
          alreadyStarting: before.state === 'starting',
        });
        if (isFault(started)) return started;
        log.info({ host: name, ms: clock.now() - startedAt }, 'host is on');
        return look(host);
      }),
    holdOff: (name) =>
      inTurn(name, async (host) => {
        await mkdir(host.dir, { recursive: true });
        await writeFile(host.heldOffFile, '');
      }),
    release: (name) => inTurn(name, async (host) => await rm(host.heldOffFile, { force: true })),
    powerOff: (name) => inTurn(name, async (host) => await cutPower(host, { clock, log })),
    async state(name) {
      const host = hostPaths(stateDir, name);
      return isFault(host) ? host : look(host);
    },
    async list() {
      const hosts = (await names())
        .map((name) => hostPaths(stateDir, name))
        .filter((host): host is HostPaths => !isFault(host));
      return Promise.all(hosts.map(look));
    },
    remove: (name) => inTurn(name, async (host) => await removeInit(host, { clock, log })),
    async removeAll() {
      const results = await Promise.all(
        (await names()).map((name) =>
          inTurn(name, async (host) => await removeInit(host, { clock, log })),
        ),
      );
      const failed = results.find((result): result is Fault => isFault(result));
      if (failed) return failed;
      await rm(hostsDir(stateDir), { recursive: true, force: true });
    },
  };
}
