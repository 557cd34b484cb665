// The hypervisor hosts of an embedded cloud and the agents on each: real ones in namespaces, simulated ones in memory.
import { statfsSync } from 'node:fs';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import { createLibvirtHypervisor } from '#adapters/libvirt/libvirt-hypervisor.ts';
import { createNlmImageLocks } from '#adapters/nfs/nlm-image-locks.ts';
import { createOvsHostNetwork } from '#adapters/ovsdb/ovs-host-network.ts';
import { createSimHypervisor } from '#adapters/sim/sim-hypervisor.ts';
import { fileStore } from '#adapters/sim/sim-world.ts';
import { createNeutronAgent } from '#agents/neutron-agent/neutron-agent.ts';
import { createNovaAgent } from '#agents/nova-agent/nova-agent.ts';
import { novaAgentDefaults } from '#agents/nova-agent/deps.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Outcome } from '#contracts/common/fault.ts';
import { filerFacts } from '#hosts/local/local-filer.ts';
import type { LocalHost } from '#hosts/local/local-hosts.ts';
import type { NetworkFacts } from '#hosts/local/local-network.ts';
import { createLocalHosts } from '#hosts/local/local-hosts.ts';
import { hostMounts } from '#hosts/local/nfs-client.ts';
import type { Clock } from '#platform/clock.ts';
import type { Ids } from '#platform/ids.ts';
import type { Log, Secret } from '#platform/log.ts';
import type { Task, TaskRunner } from '#platform/tasks/tasks.ts';
import type { Hypervisor } from '#ports/hypervisor.ts';
import type { CloudConfig } from './config.ts';
import type { ControlPlane } from './services.ts';

export interface HostsDeps {
  plane: Pick<ControlPlane, 'bus' | 'http' | 'session'>;
  homeDir: string;
  simulatedDir: string;
  config: CloudConfig;
  tasks: TaskRunner;
  clock: Clock;
  ids: Ids;
  log: Log;
  version: string;
  /** Of guests on the real hosts. */
  acceleration: 'kvm' | 'tcg';
  /** Below the hosts; null where all are simulated. */
  network: NetworkFacts | null;
  metadataSecret: Secret;
  /** For simulations that hold their hosts in hand: makes the hypervisor of a simulated host. */
  simulate?: (host: string) => Hypervisor;
}

export const localHostName = (index: number): string => `h${index}`;
export const simulatedHostName = (index: number): string => `sim${index.toString().padStart(4, '0')}`;

const retryEveryMs = 500;
const mib = 1024 * 1024;

export interface HostFleet {
  /** Resolves when every agent has registered, or after `withinMs` with the names of those that have not: they go on trying. */
  ready(withinMs: number): Promise<string[]>;
  stop(): Promise<void>;
}

/** What runs on a host for the control plane. */
interface HostAgent {
  /** unavailable: not yet; call again. */
  start(): Promise<Outcome<void>>;
  tasks: readonly Task[];
  stop(): Promise<void>;
}

/** Powers on the hosts and starts their agents, all at once. A host that does not come is logged and tried again. */
export async function startFleet(deps: HostsDeps, count: { local: number; simulated: number }): Promise<HostFleet> {
  const stopping = new AbortController();
  const agents: HostAgent[] = [];
  const waiting = new Map<string, Promise<void>>();

  const begin = (host: string, kind: string, make: () => Promise<HostAgent | undefined>): void => {
    const name = `${host} ${kind}`;
    waiting.set(name, keepTrying(host, kind, make).finally(() => waiting.delete(name)));
  };

  async function keepTrying(host: string, kind: string, make: () => Promise<HostAgent | undefined>): Promise<void> {
    let agent: HostAgent | undefined;
    while (!stopping.signal.aborted) {
      if (!agent) {
        agent = await make();
        if (agent) agents.push(agent);
      }
      const started = agent && (await agent.start().catch((error: unknown) => fault('unavailable', `${kind} cannot start: ${String(error)}`)));
      if (agent && !isFault(started)) {
        deps.tasks.start(agent.tasks);
        return;
      }
      if (isFault(started)) deps.log.warn({ host, why: started.message }, `${kind} not ready yet`);
      await deps.clock.sleep(retryEveryMs, { signal: stopping.signal, unref: true }).catch(() => undefined);
    }
  }

  const { network } = deps;
  if (network && count.local > 0) {
    const { acceleration } = deps;
    const hosts = createLocalHosts({ stateDir: deps.homeDir, log: deps.log.child({ room: 'hosts' }), clock: deps.clock, kvm: acceleration === 'kvm' });
    for (let index = 1; index <= count.local; index += 1) {
      const name = localHostName(index);
      const on = async (): Promise<LocalHost | undefined> => {
        const host = await hosts.powerOn(name, { index, network });
        if (!isFault(host)) return host;
        deps.log.error({ host: name, why: host.message }, 'host does not come up');
        return undefined;
      };
      begin(name, 'nova agent', async () => {
        const host = await on();
        if (!host) return undefined;
        const log = deps.log.child({ room: 'libvirt', host: name });
        const imageLocks = createNlmImageLocks({ host: name, folder: join(host.dataDir, 'image-locks') }, { log, clock: deps.clock });
        return makeNovaAgent(deps, name, createLibvirtHypervisor(
          { socketPath: host.libvirtSocket, stateDir: host.dataDir, acceleration, runDir: join(host.dataDir, 'vnc'), userspaceSwitch: network.datapath === 'netdev', mounts: hostMounts(host.nfsClient, filerFacts(network)), imageLocks },
          { log },
        ), 1 / count.local);
      });
      begin(name, 'neutron agent', async () => {
        const host = await on();
        return host && makeNeutronAgent(deps, host, network);
      });
    }
  }
  const store = fileStore(deps.simulatedDir);
  for (let index = 1; index <= count.simulated; index += 1) {
    const name = simulatedHostName(index);
    begin(name, 'nova agent', async () => makeNovaAgent(deps, name, deps.simulate?.(name) ?? createSimHypervisor({ hostname: name, fetchImages: false }, { store, clock: deps.clock }), 1));
  }

  return {
    async ready(withinMs) {
      const late = new AbortController();
      const all = (async () => {
        while (waiting.size > 0) await Promise.all(waiting.values());
      })();
      await Promise.race([all, deps.clock.sleep(withinMs, { signal: late.signal, unref: true }).catch(() => undefined)]);
      late.abort();
      return [...new Set([...waiting.keys()].map((name) => name.split(' ')[0] ?? name))];
    },
    async stop() {
      stopping.abort();
      await Promise.all(waiting.values());
      await Promise.all(agents.map(async (agent) => await agent.stop()));
    },
  };
}

function diskGib(path: string): number {
  const { blocks, bsize } = statfsSync(path);
  return (blocks * bsize) / 1024 ** 3;
}

/** `share`: the part of this machine that is this host's; hosts in namespaces see all of it. */
function makeNovaAgent(deps: HostsDeps, host: string, hypervisor: Hypervisor, share: number): HostAgent {
  const { plane, config, clock, ids, log, version } = deps;
  const ofOthersMib = Math.floor((totalmem() / mib) * (1 - share));
  const ofOthersGib = share === 1 ? 0 : Math.ceil(diskGib(deps.homeDir) * (1 - share));
  return createNovaAgent({
    hypervisor, bus: plane.bus, http: plane.http, session: plane.session('nova'), clock, ids, log: log.child({ room: 'nova-agent' }),
    config: { ...novaAgentDefaults, ...config.agent, host, version, reservedMemoryMib: novaAgentDefaults.reservedMemoryMib + ofOthersMib, reservedDiskGib: novaAgentDefaults.reservedDiskGib + ofOthersGib },
  });
}

function makeNeutronAgent({ plane, metadataSecret, clock, ids, log, version }: HostsDeps, { name, dir, ovsdb, initPid }: LocalHost, { southbound }: NetworkFacts): HostAgent {
  const room = log.child({ room: 'neutron-agent' });
  const enter = ['nsenter', '-t', String(initPid), '-m', '-u', '-n', '-p', '-i', '--'];
  return createNeutronAgent({
    bus: plane.bus, http: plane.http, clock, ids, log: room, config: { host: name, version, metadataSecret },
    openHostNetwork: (listeners) => createOvsHostNetwork({ ovsdb, southbound: [southbound], runFolders: { openvswitch: join(dir, 'run/openvswitch'), ovn: join(dir, 'run/ovn') }, enter }, { log: room }, listeners),
  });
}
