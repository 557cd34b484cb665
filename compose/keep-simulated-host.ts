// Runs the agents of one simulated host while its BMC says that the host is on.
import { AsyncLocalStorage } from 'node:async_hooks';
import { createSimBmc } from '#adapters/sim/sim-bmc.ts';
import type { SimBmc } from '#adapters/sim/sim-bmc.ts';
import { chassisOf } from '#adapters/sim/sim-chassis.ts';
import { createSimWatchdog } from '#adapters/sim/sim-watchdog.ts';
import type { SimWitnesses } from '#adapters/sim/sim-witness.ts';
import type { SimStore } from '#adapters/sim/sim-world.ts';
import type { EventSender } from '#hosts/bmc/event-sender.ts';
import type { Hypervisor } from '#ports/hypervisor.ts';
import type { NodeFacts } from '#ports/node-facts.ts';
import type { Watchdog } from '#ports/watchdog.ts';
import { makeHaAgent } from './ha-agent.ts';
import { makeNodeAgents, makeNovaAgent, reportHostOff, startAgents } from './host-agents.ts';
import type { AgentDeps, HostAgent, RunningAgents } from './host-agents.ts';

export interface SimulatedHost {
  bmc: SimBmc;
  /** Resolves when the agents have registered for the first time, or when the host is off. */
  settled: Promise<void>;
  stop(): Promise<void>;
}

export interface SimulatedHostDeps extends AgentDeps {
  store: SimStore;
  witnesses: SimWitnesses;
  events: EventSender;
}

export function keepSimulatedHost(
  deps: SimulatedHostDeps,
  host: { name: string; startsDisabled: boolean },
  { hypervisor, openFacts }: { hypervisor: Hypervisor; openFacts(): NodeFacts },
): SimulatedHost {
  const { name } = host;
  const settled = Promise.withResolvers<void>();
  const log = deps.log.child({ host: name });
  const watchdog = createSimWatchdog(deps.clock, () => bmc.hostDies());
  let agents: RunningAgents | undefined;
  let isStopped = false;
  let switching: Promise<void> = Promise.resolve();

  async function follow(isOn: boolean): Promise<void> {
    if (!isOn || isStopped) {
      if (agents) await agents.stop({ hostEnds: !isOn });
      else if (!isOn) await reportHostOff(name, nodeAgentsOf(deps, name, openFacts), deps);
      agents = undefined;
      return settled.resolve();
    }
    if (agents) return;
    watchdog.boot();
    agents = startAgents(name, agentsOf(deps, host, { hypervisor, watchdog, openFacts }), deps);
    void agents.started.then(settled.resolve);
  }
  // Agents run in the async context in which the host was created, not in that of whoever powers
  // the host on: otherwise they would inherit the fence of that caller's saga.
  const asMade = AsyncLocalStorage.snapshot();
  const onPower = (isOn: boolean): void =>
    asMade(() => {
      switching = switching
        .then(async () => await follow(isOn))
        .catch((error: unknown) => log.error({ err: error }, 'the host cannot be switched'));
    });

  const bmc = createSimBmc(name, {
    store: deps.store,
    clock: deps.clock,
    onPower,
    deliver: ({ url, context }, event) =>
      deps.events.send({ url, context }, { ...event, atMs: event.atMs ?? 0, origin: '' }),
  });
  onPower(bmc.isOn());
  return {
    bmc,
    settled: settled.promise,
    async stop() {
      isStopped = true;
      await switching;
      await agents?.stop();
    },
  };
}

/** The host's Node Agent, without an address: nothing listens on a simulated host. */
const nodeAgentsOf = (deps: AgentDeps, name: string, openFacts: () => NodeFacts): HostAgent[] =>
  makeNodeAgents(deps, { name, address: null }, openFacts);

/** Creates the agents for the host's present boot. */
function agentsOf(
  deps: SimulatedHostDeps,
  { name, startsDisabled }: { name: string; startsDisabled: boolean },
  {
    hypervisor,
    watchdog,
    openFacts,
  }: { hypervisor: Hypervisor; watchdog: Watchdog; openFacts(): NodeFacts },
): HostAgent[] {
  const { clock, store, witnesses } = deps;
  const nova = makeNovaAgent(deps, { name, startsDisabled, share: () => 1 }, hypervisor);
  const node = nodeAgentsOf(deps, name, openFacts);
  if (!deps.config.ha.enabled) return [nova, ...node];
  const startedAtMs = clock.monotonicMs();
  const ha = makeHaAgent(deps, {
    hypervisor,
    probe: witnesses.probeOf(name),
    marks: witnesses.marksOf(name),
    watchdog,
    config: {
      host: name,
      bootId: `${name}:${chassisOf(store.load(name)).boots}`,
      address: name,
      selfFencingMs: deps.config.ha.selfFencingMs || null,
      uptimeMs: () => clock.monotonicMs() - startedAtMs,
    },
  });
  return [nova, ...node, ha];
}
