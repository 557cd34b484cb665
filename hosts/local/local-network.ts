// The network of a cloud on one machine: underlay, external network, OVN's databases and northd.
// Used by compose and the CLI.
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Outcome } from '#contracts/common/fault.ts';
import { chooseCidr, isUsableCidr } from './free-cidr.ts';
import { networkPaths } from './host-paths.ts';
import { cutPower, initState, removeInit } from './init-life.ts';
import type { LocalDeps } from './local-deps.ts';
import { networksLock, oneAtATime } from './machine-lock.ts';
import { checkNeeds } from './needs.ts';
import type { NetworkFacts } from './network-facts.ts';
import { realStateDir } from './real-state-dir.ts';
import { tryTool } from './run-tool.ts';
import { startInit } from './start-init.ts';
import { ensureUnderlay, removeMachineLegs } from './underlay.ts';

export interface LocalNetwork {
  /**
   * Starts the network unless it runs; safe to repeat, also in two processes at once. It outlives
   * this process. `publicCidr`: null = chosen once, so that it overlaps no network of this machine.
   * unavailable: a tool is missing or a daemon does not start; badRequest: not a usable CIDR;
   * conflict: no CIDR is free, or another cloud uses this cloud's; forbidden: not root; timeout.
   */
  start(options: { publicCidr: string | null }): Promise<Outcome<NetworkFacts>>;
  running(): Promise<boolean>;
  /** The facts of the network, running or not; null if it was never started. */
  facts(): Promise<NetworkFacts | null>;
  /** Ends OVN's daemons and removes the machine's interfaces; OVN's databases stay. */
  stop(): Promise<Outcome<void>>;
  /** Removes everything, including OVN's databases. */
  remove(): Promise<Outcome<void>>;
}

/** The ranges in which CIDRs are chosen; 172.24.4.0/24 is also DevStack's external network. */
const spaces = { ext: '172.24', mgmt: '172.25' } as const;
const initScript = join(import.meta.dirname, 'ovn-init.sh');
const needed = [
  ['/usr/sbin/ovsdb-server', 'openvswitch-switch'],
  ['/usr/bin/ovn-northd', 'ovn-central'],
  ['/usr/sbin/ethtool', 'ethtool'],
] as const;

export function createLocalNetwork({
  stateDir: configuredDir,
  log,
  clock,
}: LocalDeps): LocalNetwork {
  const stateDir = realStateDir(configuredDir);
  const paths = networkPaths(stateDir);
  const factsOf = (cidrs: { ext: string; mgmt: string }): NetworkFacts => ({
    northbound: `unix:${paths.northboundSocket}`,
    southbound: `unix:${paths.southboundSocket}`,
    publicCidr: cidrs.ext,
    managementCidr: cidrs.mgmt,
    underlay: paths.netns,
    datapath: existsSync('/sys/module/openvswitch') ? 'system' : 'netdev',
  });
  const storedCidr = async (which: 'ext' | 'mgmt'): Promise<string | null> =>
    (await readFile(paths.cidrFiles[which], 'utf8').catch(() => '')).trim() || null;

  async function cidrOf(
    which: 'ext' | 'mgmt',
    wanted: string | null,
    routes: readonly Route[],
  ): Promise<Outcome<string>> {
    const space = spaces[which];
    const used = routes.filter(({ dev }) => dev !== paths.machineDevices[which]);
    const cidr =
      wanted ??
      (await storedCidr(which)) ??
      chooseCidr(
        space,
        stateDir,
        used.map(({ dst }) => dst),
      );
    if (cidr === null)
      return fault(
        'conflict',
        `this machine uses all of ${space}.0.0/16, where the cloud looks for a network; free a /24 of it${which === 'ext' ? ', or name another network with neutron.publicCidr in cobalt.yaml' : ''}`,
      );
    if (!isUsableCidr(cidr))
      return fault(
        'badRequest',
        `neutron.publicCidr is '${cidr}': it must be an IPv4 network of 8 to 29 bits, such as 172.24.4.0/24`,
      );
    // Another cloud uses this cloud's CIDR: it was chosen by hand, or while the other did not run.
    // Packets to this cloud's addresses would reach the other's guests and filer.
    const other = used.find(({ dst }) => dst === cidr);
    if (other)
      return fault(
        'conflict',
        `${cidr}, the cloud's ${which === 'ext' ? 'external' : 'management'} network, is in use on this machine at ${other.dev}${other.dev.startsWith('cc') ? ': another cloud has it; end that one first (./cobalt down --home its-state-folder)' : ''}`,
      );
    await writeFile(paths.cidrFiles[which], `${cidr}\n`);
    return cidr;
  }

  /**
   * Chooses the CIDRs and creates the interfaces. Holds the machine-wide lock from choosing the
   * CIDRs until interfaces use them: otherwise two clouds that start at once would choose the same.
   */
  async function wired(publicCidr: string | null): Promise<Outcome<{ ext: string; mgmt: string }>> {
    return await oneAtATime(networksLock, async () => {
      const routes = await machineRoutes();
      const ext = await cidrOf('ext', publicCidr, routes);
      if (isFault(ext)) return ext;
      const mgmt = await cidrOf('mgmt', null, routes);
      if (isFault(mgmt)) return mgmt;
      await ensureUnderlay(paths, { ext, mgmt });
      return { ext, mgmt };
    });
  }

  return {
    async start(options) {
      const refusal = checkNeeds('hypervisor hosts need', needed);
      if (refusal) return refusal;
      await mkdir(paths.dir, { recursive: true });
      const { state } = await initState(paths);
      if (state === 'off') {
        const cleared = await cutPower(paths, { clock, log });
        if (isFault(cleared)) return cleared;
      }
      const cidrs = await wired(options.publicCidr);
      if (isFault(cidrs)) return cidrs;
      const started = await startInit(paths, {
        script: state === 'off' ? [initScript, paths.dir] : undefined,
        clock,
      });
      return isFault(started) ? started : factsOf(cidrs);
    },
    running: async () => (await initState(paths)).state === 'running',
    async facts() {
      const [ext, mgmt] = [await storedCidr('ext'), await storedCidr('mgmt')];
      return ext === null || mgmt === null ? null : factsOf({ ext, mgmt });
    },
    async stop() {
      const off = await cutPower(paths, { clock, log });
      if (isFault(off)) return off;
      await removeMachineLegs(paths);
    },
    async remove() {
      await removeMachineLegs(paths);
      return await removeInit(paths, { clock, log });
    },
  };
}

interface Route {
  dst: string;
  /** The route's device; '' for a route without one. */
  dev: string;
}

/** The IPv4 routes of this machine, without the default route. */
async function machineRoutes(): Promise<Route[]> {
  const { stdout } = await tryTool('ip', ['-4', '-json', 'route', 'show', 'table', 'all']);
  // Cast: output of `ip -json route`, ip-route(8); a blackhole route has no device.
  const routes = JSON.parse(stdout || '[]') as { dst: string; dev?: string }[];
  return routes.flatMap(({ dst, dev = '' }) => (dst === 'default' ? [] : [{ dst, dev }]));
}
