// A fleet in memory for tests of the operator: our Kubernetes API server, and doubles of those
// parts of Nova and Placement that the operator uses.
import { inProcessTransport } from '#adapters/kube/in-process-transport.ts';
import { createKubeClient } from '#adapters/kube/kube-client.ts';
import { installDefinitions } from '#compose/kubernetes.ts';
import type { Fault, Outcome } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';
import type { Hypervisor } from '#contracts/kube/kinds.ts';
import { hypervisors, labels, nodes } from '#contracts/kube/kinds.ts';
import type { Condition } from '#contracts/kube/object.ts';
import { fleetServer } from '#openstack/clients/fleet-server.testing.ts';
import type { NetworkAgent, NeutronAgents } from '#openstack/clients/neutron-agents.ts';
import type {
  FleetAggregate,
  FleetHypervisor,
  FleetServer,
  NovaFleet,
} from '#openstack/clients/nova-fleet.ts';
import type { OperatorConfig, OperatorPlacement } from '#operators/hypervisor-operator/deps.ts';
import { operatorDefaults } from '#operators/hypervisor-operator/deps.ts';
import type { HypervisorOperator } from '#operators/hypervisor-operator/operator.ts';
import { startHypervisorOperator } from '#operators/hypervisor-operator/operator.ts';
import { systemClock } from '#platform/clock.ts';
import { systemIds } from '#platform/ids.ts';
import { silentLog } from '#platform/log.ts';
import type { Metrics } from '#platform/metrics/metrics.ts';
import { createMetrics } from '#platform/metrics/metrics.ts';
import { eventually } from '#platform/testing/eventually.ts';
import type { Kube } from '#ports/kube.ts';
import { startTestApiserver } from '#services/kube-apiserver/api/apiserver.testing.ts';

export interface FakeNova extends NovaFleet {
  hosts: Map<string, FleetHypervisor>;
  servers: Map<string, FleetServer>;
  aggregateList: FleetAggregate[];
  /** The operator's calls, in order. */
  calls: string[];
  /** The reason why the server cannot be migrated now; undefined: it can. */
  refuse(server: FleetServer): string | undefined;
  /** Console output of a server; by default its name. */
  console(server: FleetServer): string;
}

export function fakeNova(hostNames: readonly string[]): FakeNova {
  const hosts = new Map(
    hostNames.map((name): [string, FleetHypervisor] => [
      name,
      {
        id: `hypervisor-${name}`,
        hypervisor_hostname: name,
        state: 'up',
        status: 'enabled',
        service: { id: `service-${name}`, host: name, disabled_reason: null },
      },
    ]),
  );
  const servers = new Map<string, FleetServer>();
  const calls: string[] = [];
  const ofService = (id: string) => [...hosts.values()].find(({ service }) => service.id === id);
  const setStatus = (id: string, status: 'enabled' | 'disabled'): Outcome<void> => {
    calls.push(`${status} ${id}`);
    const host = ofService(id);
    if (!host) return fault('notFound', `Compute service ${id} could not be found.`);
    host.status = status;
    return undefined;
  };
  /** Moves the server to the enabled host with the fewest servers. */
  const move = (id: string, how: string): Outcome<void> => {
    calls.push(`${how} ${id}`);
    const server = servers.get(id);
    if (!server) return fault('notFound', `Instance ${id} could not be found.`);
    const why = nova.refuse(server);
    const source = server['OS-EXT-SRV-ATTR:host'];
    const target = [...hosts.values()].find(
      ({ status, hypervisor_hostname: name }) => status === 'enabled' && name !== source,
    );
    if (why !== undefined || !target)
      return fault(
        'conflict',
        why ?? 'No valid host was found. There are not enough hosts available.',
      );
    server['OS-EXT-SRV-ATTR:host'] = target.hypervisor_hostname;
    return undefined;
  };
  const aggregateList: FleetAggregate[] = [];
  const change = (id: number, host: string, how: 'add' | 'remove'): Outcome<void> => {
    const aggregate = aggregateList.find((each) => each.id === id);
    if (!aggregate) return fault('notFound', `Aggregate ${id} could not be found.`);
    calls.push(`${how} ${host} ${aggregate.name}`);
    aggregate.hosts = aggregate.hosts.filter((each) => each !== host);
    if (how === 'add') aggregate.hosts.push(host);
    return undefined;
  };
  const nova: FakeNova = {
    hosts,
    servers,
    calls,
    refuse: () => undefined,
    console: ({ name }) => `${name} login:`,
    hypervisors: async () => structuredClone([...hosts.values()]),
    enableService: async (id) => setStatus(id, 'enabled'),
    disableService: async (id) => setStatus(id, 'disabled'),
    deleteService: async (id) => {
      calls.push(`delete ${id}`);
      const host = ofService(id);
      if (!host) return fault('notFound', `Service ${id} could not be found.`);
      hosts.delete(host.hypervisor_hostname);
      return undefined;
    },
    server: async (id) =>
      servers.get(id) ?? fault('notFound', `Instance ${id} could not be found.`),
    serversOn: async (host) =>
      [...servers.values()].filter((server) => server['OS-EXT-SRV-ATTR:host'] === host),
    liveMigrate: async (id) => move(id, 'liveMigrate'),
    migrate: async (id) => move(id, 'migrate'),
    confirmResize: async () => undefined,
    openMigrationsFrom: async () => [],
    ownServers: async (prefix) =>
      [...servers.values()].filter(({ name }) => name.startsWith(prefix)),
    async createOn({ name, host }) {
      calls.push(`create on ${host}`);
      const id = systemIds.uuid();
      servers.set(id, fleetServer(id, host, { name }));
      return { id };
    },
    async deleteServer(id) {
      servers.delete(id);
      return undefined;
    },
    consoleOutput: async (id) => {
      const server = servers.get(id);
      return server ? nova.console(server) : fault('notFound', 'gone');
    },
    aggregateList,
    aggregates: async () => structuredClone(aggregateList),
    addToAggregate: async (id, host) => change(id, host, 'add'),
    removeFromAggregate: async (id, host) => change(id, host, 'remove'),
  };
  return nova;
}

export interface FakePlacement extends OperatorPlacement {
  /** Traits by resource provider. */
  traitsOf: Map<string, string[]>;
  /** Consumers with an allocation, by resource provider. */
  claims: Map<string, string[]>;
  knownTraits: Set<string>;
  /** MiB of memory that a host has for servers; 100,000 by default. */
  memoryMib: Map<string, number>;
}

export function fakePlacement(hostNames: readonly string[], nova: FakeNova): FakePlacement {
  const providers = hostNames.map((name) => `hypervisor-${name}`);
  const traitsOf = new Map(providers.map((id) => [id, ['HW_CPU_X86_AVX']]));
  const claims = new Map(providers.map((id): [string, string[]] => [id, []]));
  const knownTraits = new Set(['HW_CPU_X86_AVX']);
  const memoryMib = new Map<string, number>();
  const used = (host: string): number =>
    [...nova.servers.values()]
      .filter((server) => server['OS-EXT-SRV-ATTR:host'] === host)
      .reduce((sum, { flavor }) => sum + flavor.ram, 0);
  const missing = (id: string) => fault('notFound', `No resource provider ${id}`);
  return {
    traitsOf,
    claims,
    knownTraits,
    memoryMib,
    allocations: async (id) => {
      const server = nova.servers.get(id);
      if (!server) return {};
      const host = `hypervisor-${server['OS-EXT-SRV-ATTR:host']}`;
      return { [host]: { VCPU: server.flavor.vcpus, MEMORY_MB: server.flavor.ram } };
    },
    candidates: async ({ MEMORY_MB }) =>
      hostNames.flatMap((name) => {
        const capacity = memoryMib.get(`hypervisor-${name}`) ?? 100_000;
        return capacity - used(name) < MEMORY_MB
          ? []
          : [
              {
                nodeUuid: `hypervisor-${name}`,
                allocations: {},
                capacity: {
                  MEMORY_MB: { capacity, used: used(name) },
                  VCPU: { capacity: 64, used: 0 },
                },
              },
            ];
      }),
    traits: async (id) => {
      const traits = traitsOf.get(id);
      return traits ? { traits: [...traits], resource_provider_generation: 1 } : missing(id);
    },
    setTraits: async (id, { traits }) => {
      const unknown = traits.find((each) => !knownTraits.has(each));
      if (unknown !== undefined) return fault('badRequest', `No such trait ${unknown}`);
      traitsOf.set(id, traits);
      return undefined;
    },
    createTrait: async (name) => void knownTraits.add(name),
    consumers: async (id) => claims.get(id) ?? [],
    release: async (consumer) => {
      for (const [id, all] of claims)
        claims.set(
          id,
          all.filter((each) => each !== consumer),
        );
      return undefined;
    },
    deleteProvider: async (id) => {
      if ((claims.get(id) ?? []).length > 0) return fault('conflict', 'it has allocations');
      claims.delete(id);
      traitsOf.delete(id);
      return undefined;
    },
  };
}

export interface FakeNetwork extends NeutronAgents {
  agents: NetworkAgent[];
}

export function fakeNetwork(hostNames: readonly string[]): FakeNetwork {
  const network: FakeNetwork = {
    agents: hostNames.map((host) => ({
      id: `agent-${host}`,
      binary: 'ovn-controller',
      host,
      alive: true,
    })),
    agentsOn: async (host) => network.agents.filter((each) => each.host === host),
    removeAgent: async (id) => {
      network.agents = network.agents.filter((each) => each.id !== id);
      return undefined;
    },
  };
  return network;
}

export interface TestFleet {
  kube: Kube;
  /**
   * A client with this field manager, as agents have it. Its writes are counted, and it can be cut
   * off.
   */
  kubeFor(manager: string): Kube;
  writesOf(manager: string): number;
  /** Makes every call of this manager's clients return the fault; undefined ends that. */
  breakApi(manager: string, reason: Fault | undefined): void;
  /** Resolves when nobody has written to the object for a second. */
  settles(name: string): Promise<void>;
  nova: FakeNova;
  placement: FakePlacement;
  network: FakeNetwork;
  addNode(name: string, lifecycle: 'true' | 'skip-tests'): Promise<void>;
  hypervisor(name: string): Promise<Hypervisor>;
  /** Resolves with the condition when its reason is one of `reasons`. */
  reaches(name: string, type: string, ...reasons: string[]): Promise<Condition>;
  restartOperator(): Promise<void>;
  /** The metrics of the operator that runs now. */
  metrics(): Metrics;
  close(): Promise<void>;
}

export async function startTestFleet(
  hostNames: readonly string[],
  config: Partial<OperatorConfig> = {},
): Promise<TestFleet> {
  const apiserver = await startTestApiserver();
  const { handler } = apiserver.apiserver;
  const kubeFor = (manager: string): Kube =>
    createKubeClient(
      {
        transport: inProcessTransport(
          handler,
          { name: manager, groups: ['system:masters'] },
          systemClock,
        ),
        clock: systemClock,
        ids: systemIds,
      },
      manager,
    );
  const kube = kubeFor('test');
  const writeCounts = new Map<string, number>();
  const broken = new Map<string, Fault>();
  const watchedKubeFor = (manager: string): Kube => {
    const transport = inProcessTransport(
      handler,
      { name: manager, groups: ['system:masters'] },
      systemClock,
    );
    return createKubeClient(
      {
        transport: {
          ...transport,
          send: async (request) => {
            const reason = broken.get(manager);
            if (reason) return reason;
            if (request.method !== 'GET')
              writeCounts.set(manager, (writeCounts.get(manager) ?? 0) + 1);
            return await transport.send(request);
          },
        },
        clock: systemClock,
        ids: systemIds,
      },
      manager,
    );
  };
  const nova = fakeNova(hostNames);
  const [placement, network] = [fakePlacement(hostNames, nova), fakeNetwork(hostNames)];
  await installDefinitions(kube);
  let metrics: Metrics;
  const start = (): HypervisorOperator => {
    metrics = createMetrics();
    return startHypervisorOperator({
      kubeFor,
      nova,
      placement,
      network,
      clock: systemClock,
      log: silentLog,
      metrics,
      config: { ...operatorDefaults, ...config },
    });
  };
  let operator = start();
  const hypervisor: TestFleet['hypervisor'] = async (name) => {
    const found = await kube.get(hypervisors, { name });
    if ('metadata' in found) return found;
    throw new Error(found.message);
  };
  return {
    kube,
    kubeFor: watchedKubeFor,
    writesOf: (manager) => writeCounts.get(manager) ?? 0,
    breakApi(manager, reason) {
      if (reason) broken.set(manager, reason);
      else broken.delete(manager);
    },
    async settles(name) {
      let [version, sinceMs] = ['', 0];
      await eventually(
        async () => {
          const { metadata } = await hypervisor(name);
          if (metadata.resourceVersion !== version)
            [version, sinceMs] = [metadata.resourceVersion ?? '', systemClock.monotonicMs()];
          return systemClock.monotonicMs() - sinceMs > 1_000;
        },
        { withinMs: 15_000, everyMs: 50, what: `nobody writes to ${name}` },
      );
    },
    nova,
    placement,
    network,
    hypervisor,
    async addNode(name, lifecycle) {
      const creation = await kube.create(nodes, {
        metadata: {
          name,
          labels: {
            [labels.hostname]: name,
            [labels.zone]: 'az1',
            [labels.virtDriver]: 'kvm',
            [labels.lifecycle]: lifecycle,
          },
        },
      });
      if (!('metadata' in creation)) throw new Error(creation.message);
    },
    reaches: async (name, type, ...reasons) =>
      await eventually(
        async () => {
          const found = await hypervisor(name).catch(() => undefined);
          const condition = found?.status?.conditions?.find((each) => each.type === type);
          return condition && reasons.includes(condition.reason) ? condition : undefined;
        },
        { withinMs: 20_000, everyMs: 50, what: `${name}: ${type} is ${reasons.join(' or ')}` },
      ),
    async restartOperator() {
      await operator.stop();
      operator = start();
    },
    metrics: () => metrics,
    async close() {
      await operator.stop();
      await apiserver.close();
    },
  };
}
