// The agents of one hypervisor host: made, started with retries, and stopped together. They live as
// long as the host's current boot.
import { statfsSync } from 'node:fs';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import { createOvsHostNetwork } from '#adapters/ovsdb/ovs-host-network.ts';
import { createNeutronAgent } from '#agents/neutron-agent/neutron-agent.ts';
import { nodeAgentDefaults } from '#agents/node-agent/deps.ts';
import { createNodeAgent } from '#agents/node-agent/node-agent.ts';
import { novaAgentDefaults } from '#agents/nova-agent/deps.ts';
import { createNovaAgent } from '#agents/nova-agent/nova-agent.ts';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { LocalHost } from '#hosts/local/local-hosts.ts';
import type { NetworkFacts } from '#hosts/local/network-facts.ts';
import type { Clock } from '#platform/clock.ts';
import type { Ids } from '#platform/ids.ts';
import type { Log } from '#platform/log.ts';
import type { Metrics } from '#platform/metrics/metrics.ts';
import { createTaskRunner } from '#platform/tasks/tasks.ts';
import type { Task } from '#platform/tasks/tasks.ts';
import { createTroubleLog } from '#platform/trouble-log.ts';
import type { Hypervisor } from '#ports/hypervisor.ts';
import type { Kube } from '#ports/kube.ts';
import type { NodeFacts } from '#ports/node-facts.ts';
import type { CloudConfig } from './config.ts';
import type { ControlPlane } from './control-plane.ts';
import type { Secrets } from './home.ts';

export interface AgentDeps {
  plane: Pick<ControlPlane, 'bus' | 'http' | 'session'>;
  homeDir: string;
  config: CloudConfig;
  metrics?: Metrics;
  clock: Clock;
  ids: Ids;
  log: Log;
  version: string;
  secrets: Pick<Secrets, 'metadata' | 'service'>;
  /** Of a cloud that has a Kubernetes API: clients by the names that own what they write. */
  kubeFor?: (manager: string) => Kube;
}

/** What runs on a host for the control plane. */
export interface HostAgent {
  /** e.g. 'nova agent'; for log lines. */
  kind: string;
  /** unavailable: not yet; call again. */
  start(): Promise<Outcome<void>>;
  tasks: readonly Task[];
  stop(how: AgentsEnd): Promise<void>;
}

/** `hostEnds`: they end since their host goes off, and may say so; it may be off already. */
export interface AgentsEnd {
  hostEnds: boolean;
}

export interface RunningAgents {
  /** Resolves when all have started; never where they are stopped before. */
  started: Promise<void>;
  /** Ends their tasks and calls. Guests run on. */
  stop(how?: AgentsEnd): Promise<void>;
}

const retryEveryMs = 500;
const mib = 1024 * 1024;

/** Starts each agent, again and again until it comes. */
export function startAgents(
  host: string,
  agents: readonly HostAgent[],
  deps: Pick<AgentDeps, 'clock' | 'ids' | 'log' | 'metrics'>,
): RunningAgents {
  const { clock, log } = deps;
  const stopping = new AbortController();
  const tasks = createTaskRunner({ ...deps, log: log.child({ component: 'tasks', host }) });
  const troubles = createTroubleLog(log.child({ host }));

  async function keepTrying(agent: HostAgent): Promise<boolean> {
    while (!stopping.signal.aborted) {
      const started = await agent
        .start()
        .catch((error: unknown) =>
          fault('unavailable', `${agent.kind} cannot start: ${String(error)}`),
        );
      if (stopping.signal.aborted) return false;
      troubles.note(agent.kind, started, `${agent.kind} not ready yet`);
      if (!isFault(started)) {
        tasks.start(agent.tasks);
        return true;
      }
      await clock
        .sleep(retryEveryMs, { signal: stopping.signal, unref: true })
        .catch(() => undefined);
    }
    return false;
  }

  const tries = Promise.all(agents.map(keepTrying));
  return {
    started: tries.then(async (all) =>
      all.every(Boolean) ? undefined : await new Promise<void>(() => undefined),
    ),
    async stop(how = { hostEnds: false }) {
      stopping.abort();
      await tries;
      await tasks.stop();
      await Promise.all(agents.map(async (agent) => await agent.stop(how)));
    },
  };
}

function diskGib(path: string): number {
  const { blocks, bsize } = statfsSync(path);
  return (blocks * bsize) / 1024 ** 3;
}

/** What of this machine is not this host's; hosts in namespaces see all of it. */
function ofOthers(share: number, homeDir: string): { mib: number; gib: number } {
  if (share === 1) return { mib: 0, gib: 0 };
  return {
    mib: Math.floor((totalmem() / mib) * (1 - share)),
    gib: Math.ceil(diskGib(homeDir) * (1 - share)),
  };
}

/** `share`: the part of this machine that is this host's now. */
export function makeNovaAgent(
  deps: AgentDeps,
  { name, share, startsDisabled }: { name: string; share(): number; startsDisabled: boolean },
  hypervisor: Hypervisor,
): HostAgent {
  const { plane, config, clock, ids, log, version } = deps;
  const agent = createNovaAgent({
    hypervisor,
    bus: plane.bus,
    http: plane.http,
    session: plane.session('nova'),
    clock,
    ids,
    log: log.child({ component: 'nova-agent' }),
    config: {
      ...novaAgentDefaults,
      ...config.agent,
      host: name,
      version,
      startsDisabled,
      reserved() {
        const { mib: memoryMib, gib } = ofOthers(share(), deps.homeDir);
        const { memoryMib: own, diskGib: ownGib } = novaAgentDefaults.reserved();
        return { memoryMib: own + memoryMib, diskGib: ownGib + gib };
      },
    },
  });
  return { kind: 'nova agent', ...agent };
}

export function makeNeutronAgent(
  deps: AgentDeps,
  { name, dir, ovsdb, initPid }: LocalHost,
  { southbound }: NetworkFacts,
): HostAgent {
  const { plane, secrets, clock, ids, version } = deps;
  const log = deps.log.child({ component: 'neutron-agent' });
  const enter = ['nsenter', '-t', String(initPid), '-m', '-u', '-n', '-p', '-i', '--'];
  const runFolders = { openvswitch: join(dir, 'run/openvswitch'), ovn: join(dir, 'run/ovn') };
  const agent = createNeutronAgent({
    bus: plane.bus,
    http: plane.http,
    clock,
    ids,
    log,
    config: { host: name, version, metadataSecret: secrets.metadata },
    openHostNetwork: (listeners) =>
      createOvsHostNetwork(
        { ovsdb, southbound: [southbound], runFolders, enter },
        { log },
        listeners,
      ),
  });
  return { kind: 'neutron agent', ...agent };
}

/** What a host that is off said last, maybe in an earlier process, is not so any more. */
export async function sayHostIsOff(
  host: string,
  nodeAgents: readonly HostAgent[],
  deps: Pick<AgentDeps, 'clock' | 'ids' | 'log' | 'metrics'>,
): Promise<void> {
  if (nodeAgents.length === 0) return;
  const agents = startAgents(host, nodeAgents, deps);
  await agents.started;
  await agents.stop({ hostEnds: true });
}

/** Of the original: it owns what the agent writes. */
const nodeAgentManager = 'kvm-node-agent';

/** None where the cloud has no Kubernetes API. `address`: at which other hosts reach it. */
export function makeNodeAgents(
  deps: AgentDeps,
  { name, address }: { name: string; address: string | null },
  openFacts: () => NodeFacts,
): HostAgent[] {
  const { kubeFor, clock, ids, log } = deps;
  if (!kubeFor) return [];
  const agent = createNodeAgent({
    facts: openFacts(),
    kube: kubeFor(nodeAgentManager),
    clock,
    ids,
    log: log.child({ component: 'node-agent' }),
    // no kubelet runs on hosts of this machine
    config: { ...nodeAgentDefaults, host: name, node: { address } },
  });
  return [{ kind: 'node agent', ...agent }];
}
