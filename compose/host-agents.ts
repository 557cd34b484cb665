// The agents of one hypervisor host: created together, started with retries, stopped together. They
// live for one boot of the host.
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
  /** In a cloud with a Kubernetes API: returns a client whose field manager has this name. */
  kubeFor?: (manager: string) => Kube;
}

/** An agent of a host, as the control plane's process runs it. */
export interface HostAgent {
  /** E.g. 'nova agent'; for log lines. */
  kind: string;
  /** Starts the agent. unavailable: not possible yet; call again. */
  start(): Promise<Outcome<void>>;
  tasks: readonly Task[];
  stop(how: AgentsEnd): Promise<void>;
}

/**
 * Why the agents of a host are stopped. `hostEnds`: because their host is being powered off, which
 * they may report; the host may be off already.
 */
export interface AgentsEnd {
  hostEnds: boolean;
}

export interface RunningAgents {
  /** Resolves when all agents have started; never if they are stopped before. */
  started: Promise<void>;
  /** Ends the agents' tasks and calls. Guests go on running. */
  stop(how?: AgentsEnd): Promise<void>;
}

const retryEveryMs = 500;
const mib = 1024 * 1024;

/** Starts all agents, each with retries until it succeeds. */
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

/**
 * What the host must leave to others: local hosts share this machine, but each sees all its memory
 * and disk.
 */
function ofOthers(share: number, homeDir: string): { mib: number; gib: number } {
  if (share === 1) return { mib: 0, gib: 0 };
  return {
    mib: Math.floor((totalmem() / mib) * (1 - share)),
    gib: Math.ceil(diskGib(homeDir) * (1 - share)),
  };
}

/**
 * Creates the Nova Agent of a host. `share`: the part of this machine that belongs to this host
 * now.
 */
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

/**
 * Has the host's Node Agent report that the host is off: an earlier process may have reported it as
 * on.
 */
export async function reportHostOff(
  host: string,
  nodeAgents: readonly HostAgent[],
  deps: Pick<AgentDeps, 'clock' | 'ids' | 'log' | 'metrics'>,
): Promise<void> {
  if (nodeAgents.length === 0) return;
  const agents = startAgents(host, nodeAgents, deps);
  await agents.started;
  await agents.stop({ hostEnds: true });
}

/**
 * The field manager's name of the original kvm-node-agent, which owns the fields that the agent
 * writes.
 */
const nodeAgentManager = 'kvm-node-agent';

/**
 * Creates the Node Agent of a host; none if the cloud has no Kubernetes API. `address`: the host's
 * address for other hosts.
 */
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
    // Local hosts have no kubelet, so the agent writes the Node's own status, too.
    config: { ...nodeAgentDefaults, host: name, node: { address } },
  });
  return [{ kind: 'node agent', ...agent }];
}
