// Namespaced hypervisor hosts on this machine, used by compose and the CLI. A host is a network,
// mount, UTS, IPC and PID namespace with its own libvirtd, Open vSwitch and ovn-controller, and
// does not depend on the process that started it.
import { existsSync } from 'node:fs';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Fault, Outcome } from '#contracts/common/fault.ts';
import { KeyedQueue } from '#platform/keyed-queue.ts';
import { ensureCertificate, reloadCertificate } from './host-certificates.ts';
import { writeHaAgent } from './host-ha-agent.ts';
import type { HostHaAgent } from './host-ha-agent.ts';
import { hostPaths, hostsDir, netnsPrefix } from './host-paths.ts';
import type { HostPaths } from './host-paths.ts';
import { disarmWatchdog } from './host-watchdog.ts';
import { cutPower, initState, removeInit } from './init-life.ts';
import type { LocalDeps } from './local-deps.ts';
import { oneAtATime } from './machine-lock.ts';
import { listNetns } from './netns.ts';
import type { NetworkFacts } from './network-facts.ts';
import { nfsClientOf } from './nfs-client.ts';
import type { NfsClient } from './nfs-client.ts';
import { startHost } from './power-on.ts';
import { realStateDir } from './real-state-dir.ts';
import { managementAddress } from './underlay.ts';

/**
 * State of a host. `absent`: neither folder nor namespace; `off`: only its folder; `starting`: its
 * init runs, but libvirtd does not answer yet.
 */
export type LocalHostState = 'absent' | 'off' | 'starting' | 'running';

export interface LocalHost {
  name: string;
  state: LocalHostState;
  /**
   * PID of the host's init outside its PID namespace, for nsenter(1), and for `kill -9` as a power
   * failure; null when off.
   */
  initPid: number | null;
  /** The host's folder on this machine. */
  dir: string;
  libvirtSocket: string;
  /** OVSDB remote of the host's Open vSwitch, `unix:...`. */
  ovsdb: string;
  /** The same path inside and outside the host; survives power failures, deleted by `remove`. */
  dataDir: string;
  netns: string;
  /** An operator or the BMC keeps the host off: `powerOn` refuses until `release`. */
  heldOff: boolean;
  /**
   * Whether the host mounts the filer's share with the kernel's NFS client, or QEMU's own client
   * accesses it; null before the host's first start.
   */
  nfsClient: NfsClient | null;
}

/**
 * The hosts of one state folder. Expected failures are faults whose message says what to do. Calls
 * for one host run one after the other.
 */
export interface LocalHosts {
  /**
   * Starts the host unless it runs, and waits until libvirtd and switch answer (about 0.7 s,
   * deadline 20 s). Repairs what an unclean end left: stale PID files, namespaces, leftover
   * processes. The host outlives this process. `index` (1 to 250) is the host's number, from which
   * its addresses are derived. conflict: held off. forbidden: not root. badRequest: bad name or
   * state folder. unavailable: a tool is missing or the init ended; timeout.
   */
  powerOn(
    name: string,
    options: { index: number; network: NetworkFacts },
  ): Promise<Outcome<LocalHost>>;
  /**
   * Cuts the host's power: SIGKILL to its init, and thereby to all its processes, guests included.
   * Does nothing for an absent host. timeout: the init does not end.
   */
  powerOff(name: string): Promise<Outcome<void>>;
  /**
   * Prevents `powerOn` until `release`, also after a restart of the cloud. A running host keeps
   * running until `powerOff`. Safe to repeat.
   */
  holdOff(name: string): Promise<Outcome<void>>;
  /** Ends `holdOff`; does not start the host. Safe to repeat. */
  release(name: string): Promise<Outcome<void>>;
  /**
   * Renews the certificate of a running host a month before it expires; libvirtd reloads it. Safe
   * to repeat. timeout: another process holds the lock.
   */
  renewCertificate(
    name: string,
    options: { index: number; network: NetworkFacts },
  ): Promise<Outcome<void>>;
  /**
   * Sets the HA Agent that the host runs, now and after later starts; null: none, and its watchdog
   * is disarmed. Safe to repeat.
   */
  setHaAgent(name: string, agent: HostHaAgent | null): Promise<Outcome<void>>;
  state(name: string): Promise<Outcome<LocalHost>>;
  /** All hosts that have a folder or a namespace, by name. */
  list(): Promise<LocalHost[]>;
  /** Cuts the power, then removes folder, disks and namespace. Does nothing for an absent host. */
  remove(name: string): Promise<Outcome<void>>;
  /**
   * `remove` for every host of this state folder; returns the first fault, after all were tried.
   */
  removeAll(): Promise<Outcome<void>>;
}

export interface LocalHostsDeps extends LocalDeps {
  /** Whether hosts get /dev/kvm; see probe-acceleration.ts. */
  kvm: boolean;
}

export function createLocalHosts({
  stateDir: configuredDir,
  log,
  clock,
  kvm,
}: LocalHostsDeps): LocalHosts {
  const stateDir = realStateDir(configuredDir);
  const queue = new KeyedQueue();

  /** Runs `work` after all earlier calls of this process for the host have ended. */
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
    return queue.run(name, async () => await alone(host, async () => await work(host)));
  }

  /**
   * Runs `work`, and excludes other processes meanwhile, by a lock file: the CLI powers hosts on
   * and off while a running cloud restarts hosts that ended.
   */
  async function alone<T>(host: HostPaths, work: () => Promise<Outcome<T>>): Promise<Outcome<T>> {
    return existsSync(host.dir)
      ? await oneAtATime(join(host.dir, 'power.lock'), work)
      : await work();
  }

  async function readHost(host: HostPaths): Promise<LocalHost> {
    const { state, pid } = await initState(host);
    const isExisting = state !== 'off' || (await names()).includes(host.name);
    return {
      name: host.name,
      state: isExisting ? state : 'absent',
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
        const before = await readHost(host);
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
          stateDir,
          index,
          network,
          kvm,
          clock,
          alreadyStarting: before.state === 'starting',
        });
        if (isFault(started)) return started;
        log.info({ host: name, ms: clock.now() - startedAt }, 'host is on');
        return readHost(host);
      }),
    holdOff: (name) =>
      inTurn(name, async (host) => {
        await mkdir(host.dir, { recursive: true });
        await writeFile(host.heldOffFile, '');
      }),
    release: (name) => inTurn(name, async (host) => await rm(host.heldOffFile, { force: true })),
    powerOff: (name) => inTurn(name, async (host) => await cutPower(host, { clock, log })),
    renewCertificate: (name, { index, network }) =>
      inTurn(name, async (host) => {
        if ((await readHost(host)).state !== 'running') return undefined;
        const address = managementAddress(network, index);
        const renewed = await ensureCertificate(
          stateDir,
          { name: host.name, dir: host.dir, address },
          clock.now(),
        );
        if (isFault(renewed) || !renewed) return isFault(renewed) ? renewed : undefined;
        await reloadCertificate(host);
        log.info({ host: name }, "the host's certificate is renewed");
      }),
    setHaAgent: (name, agent) =>
      inTurn(name, async (host) => {
        await writeHaAgent(host, agent);
        if (agent === null) await disarmWatchdog(host);
      }),
    async state(name) {
      const host = hostPaths(stateDir, name);
      return isFault(host) ? host : readHost(host);
    },
    async list() {
      const hosts = (await names())
        .map((name) => hostPaths(stateDir, name))
        .filter((host): host is HostPaths => !isFault(host));
      return Promise.all(hosts.map(readHost));
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
