// Runs the agents of hosts in a process of a distributed cloud: those of one local host, or of all
// simulated hosts. Used by serve.ts.
import { readFileSync } from 'node:fs';
import type { NetworkFacts } from '#hosts/local/network-facts.ts';
import { ConfigError } from '#platform/config/config.ts';
import { simulatedFleet } from './fleet-nodes.ts';
import type { Home } from './home.ts';
import type { AgentDeps } from './host-agents.ts';
import { localHostName } from './host-names.ts';
import type { ServeOptions } from './serve.ts';
import { version } from './version.ts';

/**
 * Starts the agents of the parts that this process is told to run; none if there are no such parts.
 */
export async function startHostAgents(
  { config, parts: wanted }: ServeOptions,
  deps: Omit<AgentDeps, 'homeDir' | 'config' | 'version'> & { home: Home },
): Promise<readonly { stop(): Promise<void> }[]> {
  const { home, clock, log } = deps;
  const agentDeps = {
    ...deps,
    homeDir: home.dir,
    config,
    version,
    acceleration: config.acceleration === 'kvm' ? ('kvm' as const) : ('tcg' as const),
  };
  const { simulated, firstSimulated, index, share, networkFacts } = config.host;
  const running: { stop(): Promise<void> }[] = [];
  if (wanted.includes('simulated-hosts')) {
    const { startFleet } = await import('./hosts.ts');
    running.push(
      startFleet(
        { ...agentDeps, simulatedDir: home.simulated, network: null },
        simulatedFleet(simulated, firstSimulated),
      ),
    );
  }
  if (wanted.includes('local-host')) {
    const { createLocalHosts } = await import('#hosts/local/local-hosts.ts');
    const { keepLocalHost } = await import('./keep-local-host.ts');
    running.push(
      keepLocalHost(
        {
          ...agentDeps,
          network: factsIn(networkFacts),
          hosts: createLocalHosts({
            stateDir: home.dir,
            log: log.child({ component: 'hosts' }),
            clock,
            kvm: agentDeps.acceleration === 'kvm',
          }),
        },
        { name: localHostName(index), index, share: () => share, startsDisabled: false },
      ),
    );
  }
  return running;
}

/** Reads the network's facts, a file written by the process that started the network. */
function factsIn(file: string): NetworkFacts {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as NetworkFacts; // written by distributed.ts
  } catch (error) {
    throw new ConfigError(`host.networkFacts: ${(error as Error).message}`);
  }
}
