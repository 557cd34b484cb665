// The hypervisor hosts of an embedded cloud with the agents on each: local hosts in namespaces,
// simulated ones in memory. Hosts may be added and removed while the cloud runs.
import { readdir } from 'node:fs/promises';
import type { SimBmc } from '#adapters/sim/sim-bmc.ts';
import { isOff } from '#adapters/sim/sim-chassis.ts';
import { createSimHypervisor } from '#adapters/sim/sim-hypervisor.ts';
import { createSimMoveLog, createSimNodeFacts } from '#adapters/sim/sim-node-facts.ts';
import type { SimWitnesses } from '#adapters/sim/sim-witness.ts';
import { createSimWitnesses } from '#adapters/sim/sim-witness.ts';
import { fileStore } from '#adapters/sim/sim-world.ts';
import type { SimStore } from '#adapters/sim/sim-world.ts';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';
import type { Chassis } from '#hosts/bmc/chassis.ts';
import { createEventSender } from '#hosts/bmc/event-sender.ts';
import { createLocalHosts } from '#hosts/local/local-hosts.ts';
import type { NetworkFacts } from '#hosts/local/network-facts.ts';
import type { Hypervisor } from '#ports/hypervisor.ts';
import type { FleetHost } from './fleet-nodes.ts';
import type { AgentDeps } from './host-agents.ts';
import { keepLocalHost } from './keep-local-host.ts';
import { keepSimulatedHost } from './keep-simulated-host.ts';
import { createLocalChassis } from './local-chassis.ts';

export interface HostsDeps extends AgentDeps {
  simulatedDir: string;
  /** Accelerator of guests on local hosts. */
  acceleration: 'kvm' | 'tcg';
  /** The network below local hosts; null if all hosts are simulated. */
  network: NetworkFacts | null;
  /**
   * For simulations: creates the hypervisor of a simulated host, in a store shared with the host's
   * BMC. `witnesses`: what the hosts see of each other.
   */
  simulate?: {
    store: SimStore;
    witnesses: SimWitnesses;
    hypervisorOf(host: string): Hypervisor;
  };
}

export interface HostFleet {
  /**
   * Powers the host on and starts its agents, in the background; a host that does not come up is
   * logged and tried again. Does nothing if the host was added before. conflict: a local host in a
   * cloud without a network for it.
   */
  add(host: FleetHost): Outcome<void>;
  has(name: string): boolean;
  hosts(): FleetHost[];
  /**
   * Stops the host's agents, cuts its power and deletes its files. After a fault the host is still
   * there: call again. Safe to repeat, also for a host that was never added.
   */
  remove(host: Pick<FleetHost, 'name' | 'kind'>): Promise<Outcome<void>>;
  /**
   * Resolves when every agent has registered, or after `withinMs`, with the names of the hosts
   * whose agents have not (they keep trying).
   */
  ready(withinMs: number): Promise<string[]>;
  /** By host: the chassis of each local host, which its emulated BMC switches on and off. */
  chassis: ReadonlyMap<string, Chassis>;
  /** By host: the BMC of each simulated host. */
  simulatedBmcs: ReadonlyMap<string, SimBmc>;
  stop(): Promise<void>;
}

/** Names of the simulated hosts that have a state file in this folder. */
export const simulatedHostsIn = async (folder: string): Promise<string[]> =>
  (await readdir(folder).catch(() => []))
    .filter((file) => file.endsWith('.json'))
    .map((file) => file.slice(0, -'.json'.length));

interface KeptMember extends FleetHost {
  stop(): Promise<void>;
}

/** Powers on the hosts and starts their agents, all at once. */
export function startFleet(deps: HostsDeps, first: readonly FleetHost[]): HostFleet {
  const waiting = new Set<string>();
  const members = new Map<string, KeptMember>();
  const chassis = new Map<string, Chassis>();
  const simulatedBmcs = new Map<string, SimBmc>();
  const { network, acceleration, clock } = deps;
  const local = createLocalHosts({
    stateDir: deps.homeDir,
    log: deps.log.child({ component: 'hosts' }),
    clock: deps.clock,
    kvm: acceleration === 'kvm',
  });
  const store = deps.simulate?.store ?? fileStore(deps.simulatedDir);
  const witnesses =
    deps.simulate?.witnesses ?? createSimWitnesses((host) => !isOff(store.load(host)));
  const events = createEventSender({ clock, log: deps.log.child({ component: 'bmc' }) });

  /** The part of this machine's resources that one local host has: they share it equally. */
  const share = (): number =>
    1 / Math.max(1, [...members.values()].filter(({ kind }) => kind === 'local').length);

  const addLocal = (host: FleetHost, facts: NetworkFacts) => {
    const { name, number: index, startsDisabled } = host;
    const identity = { name, index, share, startsDisabled };
    const keeper = keepLocalHost({ ...deps, hosts: local, network: facts }, identity);
    chassis.set(
      name,
      createLocalChassis({ hosts: local, network: facts, keeper, clock }, identity),
    );
    return keeper;
  };
  const addSimulated = ({ name, startsDisabled }: FleetHost) => {
    const moves = createSimMoveLog(clock);
    const hypervisor =
      deps.simulate?.hypervisorOf(name) ??
      createSimHypervisor({ hostname: name, fetchImages: false }, { store, clock, moves });
    const simulated = keepSimulatedHost(
      { ...deps, store, witnesses, events },
      { name, startsDisabled },
      {
        hypervisor,
        openFacts: () => createSimNodeFacts({ hostname: name }, { store, hypervisor, moves }),
      },
    );
    simulatedBmcs.set(name, simulated.bmc);
    return simulated;
  };

  const fleet: HostFleet = {
    add(host) {
      if (members.has(host.name)) return undefined;
      if (host.kind === 'local' && !network)
        return fault(
          'conflict',
          'All hosts of this cloud are simulated: it has no network for real ones.',
        );
      const keeper =
        host.kind === 'local' && network ? addLocal(host, network) : addSimulated(host);
      members.set(host.name, { ...host, stop: async () => await keeper.stop() });
      waiting.add(host.name);
      void keeper.settled.then(() => waiting.delete(host.name));
      return undefined;
    },
    has: (name) => members.has(name),
    hosts: () => [...members.values()],
    async remove({ name, kind }) {
      await members.get(name)?.stop();
      if (kind === 'local' && network) {
        const removal = await local.remove(name);
        if (removal !== undefined) return removal;
      } else if (kind === 'simulated') store.remove(name);
      members.delete(name);
      waiting.delete(name);
      chassis.delete(name);
      simulatedBmcs.delete(name);
      return undefined;
    },
    async ready(withinMs) {
      const deadline = deps.clock.now() + withinMs;
      while (waiting.size > 0 && deps.clock.now() < deadline) await deps.clock.sleep(20);
      return [...waiting];
    },
    chassis,
    simulatedBmcs,
    async stop() {
      await Promise.all([...members.values()].map(async (member) => await member.stop()));
      await events.close();
    },
  };
  for (const host of first) fleet.add(host);
  return fleet;
}
