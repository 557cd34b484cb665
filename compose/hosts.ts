// The hypervisor hosts of an embedded cloud and the agents on each: real ones in namespaces,
// simulated ones in memory.
import { createSimHypervisor } from '#adapters/sim/sim-hypervisor.ts';
import { fileStore } from '#adapters/sim/sim-world.ts';
import { createLocalHosts } from '#hosts/local/local-hosts.ts';
import type { NetworkFacts } from '#hosts/local/network-facts.ts';
import type { Hypervisor } from '#ports/hypervisor.ts';
import { makeNovaAgent, startAgents } from './host-agents.ts';
import type { AgentDeps } from './host-agents.ts';
import { localHostName, simulatedHostName } from './host-names.ts';
import { keepLocalHost } from './keep-local-host.ts';

export interface HostsDeps extends AgentDeps {
  simulatedDir: string;
  /** Of guests on the real hosts. */
  acceleration: 'kvm' | 'tcg';
  /** Below the hosts; null where all are simulated. */
  network: NetworkFacts | null;
  /** For simulations that hold their hosts in hand: makes the hypervisor of a simulated host. */
  simulate?: (host: string) => Hypervisor;
}

export interface HostFleet {
  /**
   * Resolves when every agent has registered, or after `withinMs` with the names of those that have
   * not: they go on trying.
   */
  ready(withinMs: number): Promise<string[]>;
  stop(): Promise<void>;
}

/**
 * Powers on the hosts and starts their agents, all at once. A host that does not come is logged and
 * tried again.
 */
export function startFleet(
  deps: HostsDeps,
  count: { local: number; simulated: number; firstSimulated?: number },
): HostFleet {
  const waiting = new Set<string>();
  const running: { stop(): Promise<void> }[] = [];
  const take = (name: string, settled: Promise<void>, host: { stop(): Promise<void> }): void => {
    waiting.add(name);
    void settled.then(() => waiting.delete(name));
    running.push(host);
  };

  const { network, acceleration } = deps;
  if (network && count.local > 0) {
    const hosts = createLocalHosts({
      stateDir: deps.homeDir,
      log: deps.log.child({ component: 'hosts' }),
      clock: deps.clock,
      kvm: acceleration === 'kvm',
    });
    for (let index = 1; index <= count.local; index += 1) {
      const name = localHostName(index);
      const keeper = keepLocalHost(
        { ...deps, hosts, network },
        { name, index, share: 1 / count.local },
      );
      take(name, keeper.settled, keeper);
    }
  }
  const store = fileStore(deps.simulatedDir);
  const first = count.firstSimulated ?? 1;
  for (let index = first; index < first + count.simulated; index += 1) {
    const name = simulatedHostName(index);
    const hypervisor =
      deps.simulate?.(name) ??
      createSimHypervisor({ hostname: name, fetchImages: false }, { store, clock: deps.clock });
    const agents = startAgents(name, [makeNovaAgent(deps, name, hypervisor, 1)], deps);
    take(name, agents.started, agents);
  }

  return {
    async ready(withinMs) {
      const deadline = deps.clock.now() + withinMs;
      while (waiting.size > 0 && deps.clock.now() < deadline) await deps.clock.sleep(20);
      return [...waiting];
    },
    stop: async () => void (await Promise.all(running.map(async (host) => await host.stop()))),
  };
}
