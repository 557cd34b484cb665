// Reports inventory and traits to a double of Placement (at the HTTP client) that checks
// generations.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createSimHypervisor } from '#adapters/sim/sim-hypervisor.ts';
import { isFault } from '#contracts/common/fault.ts';
import type { Json } from '#contracts/common/json.ts';
import type { HostFacts } from '#contracts/nova/guest.ts';
import type { Inventories } from '#contracts/placement/wire.ts';
import type { HttpAnswer, HttpCall } from '#openstack/http/client.ts';
import { createInProcessBus } from '#platform/bus/in-process-bus.ts';
import { systemClock } from '#platform/clock.ts';
import { systemIds } from '#platform/ids.ts';
import { silentLog } from '#platform/log.ts';
import type { NovaAgentConfig, NovaAgentDeps } from './deps.ts';
import { novaAgentDefaults } from './deps.ts';
import { inventoryOf, reportResources } from './report-resources.ts';

const config: NovaAgentConfig = { ...novaAgentDefaults, host: 'h1', version: 'test' };
const hypervisor = createSimHypervisor({
  hostname: 'h1',
  vcpus: 8,
  memoryMib: 16_384,
  diskGib: 100,
  traits: ['COMPUTE_NODE', 'HW_CPU_X86_AVX'],
});
const facts = async (change: Partial<HostFacts> = {}): Promise<HostFacts> => {
  const read = await hypervisor.facts();
  assert.ok(!isFault(read));
  return { ...read, ...change };
};

describe('the inventory of a host', () => {
  it('offers what is there, less what the host keeps for itself', async () => {
    assert.deepEqual(
      inventoryOf(await facts(), {
        ...config,
        startsDisabled: false,
        reserved: () => ({ memoryMib: 512, diskGib: 10 }),
        cpuAllocationRatio: 4,
        ramAllocationRatio: 1,
        diskAllocationRatio: 2,
      }),
      {
        VCPU: {
          total: 8,
          reserved: 0,
          min_unit: 1,
          max_unit: 8,
          step_size: 1,
          allocation_ratio: 4,
        },
        MEMORY_MB: {
          total: 16_384,
          reserved: 512,
          min_unit: 1,
          max_unit: 16_384,
          step_size: 1,
          allocation_ratio: 1,
        },
        DISK_GB: {
          total: 100,
          reserved: 10,
          min_unit: 1,
          max_unit: 100,
          step_size: 1,
          allocation_ratio: 2,
        },
      },
    );
  });

  it('never reserves more than there is, and leaves out what there is none of', async () => {
    const inventory = inventoryOf(await facts({ memoryMib: 256, diskGib: 0 }), config);
    assert.equal(inventory['MEMORY_MB']?.reserved, 256);
    assert.equal('DISK_GB' in inventory, false);
  });
});

/** A Placement with one provider and its generation; records every write. */
function placement() {
  const state = {
    exists: false,
    generation: 0,
    inventories: {} as Inventories,
    traits: [] as string[],
    writes: [] as string[],
    loseRaces: 0,
    broken: false,
  };
  const answer = (status: number, body?: Json): HttpAnswer => ({
    status,
    headers: {},
    body,
    stream: undefined,
  });
  const send = async ({ method, path, body }: HttpCall): Promise<HttpAnswer> => {
    const what = path.split('/').at(-1);
    if (state.broken) return answer(500, { errors: [] });
    if (method === 'POST') {
      state.exists = true;
      state.writes.push('provider');
      return answer(201);
    }
    if (!state.exists) return answer(404);
    if (method === 'GET')
      return answer(
        200,
        what === 'traits'
          ? { traits: state.traits, resource_provider_generation: state.generation }
          : { inventories: state.inventories, resource_provider_generation: state.generation },
      );
    const sent = body as {
      resource_provider_generation: number;
      inventories?: Inventories;
      traits?: string[];
    };
    if (state.loseRaces > 0) {
      state.loseRaces -= 1;
      state.generation += 1; // as if another writer was faster
    }
    if (sent.resource_provider_generation !== state.generation)
      return answer(409, { errors: [{ code: 'placement.concurrent_update' }] });
    state.generation += 1;
    state.inventories = sent.inventories ?? state.inventories;
    state.traits = sent.traits ?? state.traits;
    state.writes.push(what ?? '');
    return answer(200, {});
  };
  const deps: NovaAgentDeps = {
    hypervisor,
    config,
    clock: systemClock,
    log: silentLog,
    http: { send },
    bus: createInProcessBus({ clock: systemClock, ids: systemIds, log: silentLog }),
    session: { token: async () => 'a-token', renew: () => undefined },
  };
  return { state, deps };
}

describe('reporting it to Placement', () => {
  it('makes the provider, its inventory and its traits, and then writes nothing while nothing changes', async () => {
    const { state, deps } = placement();
    assert.equal(await reportResources(deps, 'n1', await facts()), undefined);
    assert.deepEqual(state.writes, ['provider', 'inventories', 'traits']);
    assert.deepEqual(state.inventories, inventoryOf(await facts(), config));
    assert.deepEqual(state.traits, ['COMPUTE_NODE', 'HW_CPU_X86_AVX']);
    assert.equal(await reportResources(deps, 'n1', await facts()), undefined);
    assert.equal(state.writes.length, 3);
  });

  it('writes only what differs', async () => {
    const { state, deps } = placement();
    await reportResources(deps, 'n1', await facts());
    await reportResources(deps, 'n1', await facts({ memoryMib: 32_768 }));
    assert.deepEqual(state.writes.slice(3), ['inventories']);
    assert.equal(state.inventories['MEMORY_MB']?.total, 32_768);
  });

  it("keeps an operator's traits and drops those the host has lost", async () => {
    const { state, deps } = placement();
    await reportResources(deps, 'n1', await facts());
    state.traits = [...state.traits, 'CUSTOM_GOLD', 'COMPUTE_STATUS_DISABLED'];
    await reportResources(deps, 'n1', await facts({ traits: ['COMPUTE_NODE'] }));
    assert.deepEqual(state.traits, ['COMPUTE_NODE', 'COMPUTE_STATUS_DISABLED', 'CUSTOM_GOLD']);
  });

  it('reads again after a lost race, and gives up after a few', async () => {
    const { state, deps } = placement();
    state.exists = true;
    state.loseRaces = 2;
    assert.equal(await reportResources(deps, 'n1', await facts()), undefined);
    assert.deepEqual(state.writes, ['inventories', 'traits']);
    state.loseRaces = 100;
    const conflictResult = await reportResources(deps, 'n1', await facts({ vcpus: 9 }));
    assert.ok(isFault(conflictResult) && conflictResult.kind === 'concurrentUpdate');
  });

  it('is unavailable when Placement is, so that the next heartbeat tries again', async () => {
    const { state, deps } = placement();
    state.broken = true;
    const refusal = await reportResources(deps, 'n1', await facts());
    assert.ok(isFault(refusal) && refusal.kind === 'unavailable');
    assert.match(refusal.message, /500/);
  });
});
