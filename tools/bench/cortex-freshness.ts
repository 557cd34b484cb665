// How soon a claim in Placement counts for the next decision, for cortex.ts: a whole Cortex over a
// Placement on SQLite and the in-process bus, notified of each claim as Nova's scheduler does.
import { strict as assert } from 'node:assert';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { CortexRpc } from '#contracts/cortex/cortex-rpc.ts';
import { cortexTopic } from '#contracts/cortex/cortex-rpc.ts';
import type { FleetHypervisor } from '#openstack/clients/nova-fleet.ts';
import type { Placement } from '#openstack/clients/placement.ts';
import { rpcClient } from '#platform/bus/contract.ts';
import { createInProcessBus } from '#platform/bus/in-process-bus.ts';
import { systemClock } from '#platform/clock.ts';
import { systemIds } from '#platform/ids.ts';
import { silentLog } from '#platform/log.ts';
import { createCortex } from '#services/cortex/api/role.ts';
import { cortexDefaults } from '#services/cortex/deps.ts';
import type { HostFacts } from '#services/cortex/domain/fleet/host-facts.ts';
import { createChance, syntheticHosts } from '#services/cortex/domain/synthetic-fleet.testing.ts';
import type { PlacementFixture } from '#services/placement/api/placement.testing.ts';
import { claimOf, startPlacement } from '#services/placement/api/placement.testing.ts';
import { insertHosts } from './cortex-claims.ts';

const hostCount = 1_000;
const clients = 8;
const claimsOfEach = 100;
const memoryMib = 1_024;

export interface Freshness {
  p50Ms: number;
  p99Ms: number;
}

/** Milliseconds from Placement's answer to a claim until the fleet in memory includes the claim. */
export async function freshness(): Promise<Freshness> {
  const dir = await mkdtemp(join(tmpdir(), 'cobalt-bench-'));
  const placement = await startPlacement({
    dialect: 'sqlite',
    path: join(dir, 'placement.db'),
    synchronous: 'NORMAL', // as in an embedded cloud
  });
  const [clock, ids, log] = [systemClock, systemIds, silentLog];
  const bus = createInProcessBus({ clock, ids, log });
  try {
    const hosts = syntheticHosts(hostCount, createChance(3)).filter(hasRoom);
    const providerOf = await insertHosts(placement, hosts);
    const cortex = createCortex({
      nova: {
        hypervisors: async () => [...providerOf].map(([name, id]) => hypervisor(name, id)),
        aggregates: async () => [],
      },
      placement: placementReads(placement),
      balance: {
        servers: async () => [],
        serverGroups: async () => [],
        migratedSince: async () => [],
      },
      clock,
      ids,
      bus,
      log,
      config: cortexDefaults,
    });
    for (const { topic, handlers } of cortex.rpc) bus.serve(topic, handlers);
    for (const task of cortex.tasks) await task.run(new AbortController().signal);
    const { fleet } = cortex.scheduling;
    assert.equal(fleet.hostCount, hosts.length);
    const teller = rpcClient<CortexRpc>(bus, cortexTopic);
    const used = (name: string): number =>
      fleet.resource('MEMORY_MB').used[fleet.positionOf(name) ?? -1] ?? 0;
    const latencies: number[] = [];
    const client = async (of: number): Promise<void> => {
      for (let turn = 0; turn < claimsOfEach; turn += 1) {
        // Each client uses hosts of its own, so that only its claims change their use.
        const { name = '' } = hosts[(turn * clients + of) % hosts.length] ?? {};
        const nodeUuid = providerOf.get(name) ?? '';
        const [serverId, before] = [ids.uuid(), used(name)];
        const claim = claimOf(nodeUuid, { MEMORY_MB: memoryMib });
        const { status } = await placement.ask('PUT', `/allocations/${serverId}`, claim);
        assert.equal(status, 204);
        const claimedMs = performance.now();
        await teller.fanout(
          'allocationsChanged',
          { serverId, nodeUuid },
          { requestId: 'req-bench' },
        );
        while (used(name) !== before + memoryMib) await setImmediate();
        latencies.push(performance.now() - claimedMs);
      }
    };
    await Promise.all(Array.from({ length: clients }, (_, of) => client(of)));
    latencies.sort((a, b) => a - b);
    const at = (share: number): number => latencies[Math.floor(latencies.length * share)] ?? 0;
    return { p50Ms: at(0.5), p99Ms: at(0.99) };
  } finally {
    await bus.close();
    await placement.close();
    await rm(dir, { recursive: true });
  }
}

/** Whether the host has room for all claims that a client makes on it. */
function hasRoom({ resources }: HostFacts): boolean {
  const { capacity = 0, used = 0 } = resources['MEMORY_MB'] ?? {};
  return capacity - used >= memoryMib * 10;
}

const hypervisor = (name: string, id: string): FleetHypervisor => ({
  id,
  hypervisor_hostname: name,
  hypervisor_type: 'QEMU',
  state: 'up',
  status: 'enabled',
  service: { id: name, host: name, disabled_reason: null },
  servers: [],
});

/** The reads of Placement that Cortex's client makes, called in this process. */
function placementReads(
  placement: PlacementFixture,
): Pick<Placement, 'providers' | 'inventory' | 'usages' | 'traits' | 'consumers'> {
  const read = async <T>(path: string): Promise<Outcome<T>> => {
    const { status, body } = await placement.ask('GET', path);
    return status === 200 ? (body as T) : fault('notFound', path); // cast: the body of a 200
  };
  const of = (uuid: string): string => `/resource_providers/${uuid}`;
  return {
    async providers() {
      const list = await read<{ resource_providers: { uuid: string; generation: number }[] }>(
        '/resource_providers',
      );
      return isFault(list) ? list : list.resource_providers.map((one) => ({ name: '', ...one }));
    },
    inventory: async (uuid) => await read(`${of(uuid)}/inventories`),
    usages: async (uuid) => await read(`${of(uuid)}/usages`),
    traits: async (uuid) => await read(`${of(uuid)}/traits`),
    async consumers(uuid) {
      const provider = await read<{ allocations: object }>(`${of(uuid)}/allocations`);
      return isFault(provider) ? provider : Object.keys(provider.allocations);
    },
  };
}
