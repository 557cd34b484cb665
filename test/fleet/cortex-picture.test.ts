// Cortex's view of the fleet in memory, built from a real Placement and from Nova's lists.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { FleetAggregate, FleetHypervisor } from '#openstack/clients/nova-fleet.ts';
import type { Placement } from '#openstack/clients/placement.ts';
import { cortexDefaults } from '#services/cortex/deps.ts';
import { Fleet } from '#services/cortex/domain/fleet/fleet.ts';
import { InFlight } from '#services/cortex/domain/in-flight/in-flight.ts';
import { decide, requestFor } from '#services/cortex/domain/small-fleet.testing.ts';
import { followOpenStack } from '#services/cortex/follow-openstack.ts';
import type { PlacementFixture } from '#services/placement/api/placement.testing.ts';
import { claimOf, startPlacement } from '#services/placement/api/placement.testing.ts';

const gib = 1_024;

describe("Cortex's picture of the fleet", () => {
  let placement: PlacementFixture;
  before(async () => {
    placement = await startPlacement();
  });
  after(async () => await placement.close());

  /** Reads from the fixture as Cortex's client would; counts the calls. */
  const read = async <T>(path: string): Promise<Outcome<T>> => {
    calls += 1;
    const { status, body } = await placement.ask('GET', path);
    return status === 200 ? (body as T) : fault('notFound', path);
  };
  let calls = 0;
  const client: Pick<Placement, 'providers' | 'inventory' | 'usages' | 'traits' | 'consumers'> = {
    async providers() {
      const list = await read<{ resource_providers: { uuid: string; generation: number }[] }>(
        '/resource_providers',
      );
      return isFault(list) ? list : list.resource_providers.map((one) => ({ name: '', ...one }));
    },
    inventory: async (uuid) => await read(`/resource_providers/${uuid}/inventories`),
    usages: async (uuid) => await read(`/resource_providers/${uuid}/usages`),
    traits: async (uuid) => await read(`/resource_providers/${uuid}/traits`),
    async consumers(uuid) {
      const provider = await read<{ allocations: object }>(
        `/resource_providers/${uuid}/allocations`,
      );
      return isFault(provider) ? provider : Object.keys(provider.allocations);
    },
  };
  const hypervisor = (name: string, id: string): FleetHypervisor => ({
    id,
    hypervisor_hostname: `${name}.node`,
    hypervisor_type: 'QEMU',
    state: 'up',
    status: 'enabled',
    service: { id: name, host: name, disabled_reason: null },
    servers: [],
  });

  test('follows claims, hosts and aggregates, and reads only what has changed', async () => {
    const [a, b] = [
      await placement.host('a.node', { MEMORY_MB: 64 * gib, VCPU: 16 }),
      await placement.host('b.node', { MEMORY_MB: 64 * gib, VCPU: 16 }),
    ];
    await placement.host('no-hypervisor');
    let hypervisors = [hypervisor('a', a), hypervisor('b', b)];
    const aggregates: FleetAggregate[] = [
      { id: 1, uuid: 'u', name: 'rack', hosts: ['b'], metadata: { availability_zone: 'az2' } },
    ];
    let nowMs = 0;
    const fleet = new Fleet();
    const inFlight = new InFlight(fleet, cortexDefaults);
    const follower = followOpenStack({
      nova: { hypervisors: async () => hypervisors, aggregates: async () => aggregates },
      placement: client,
      fleet,
      inFlight,
      clock: { now: () => nowMs },
      defaultZone: 'az1',
    });
    const hostsFor = (options: Parameters<typeof requestFor>[0]): string[] =>
      decide(fleet, requestFor({ diskGib: 1, ...options }))
        .targets.map(({ name }) => name)
        .sort();

    assert.equal(follower.isReady(), false);
    assert.equal(await follower.poll(), undefined);
    assert.ok(follower.isReady());
    assert.deepEqual(hostsFor({}), ['a', 'b']);
    assert.deepEqual(hostsFor({ zone: 'az2' }), ['b']);

    calls = 0;
    await follower.poll();
    assert.equal(calls, 1, 'nothing has changed: the list is all that is read');

    const consumer = '5f0d8bd6-0000-4000-8000-000000000001';
    const claimed = await placement.ask(
      'PUT',
      `/allocations/${consumer}`,
      claimOf(a, { MEMORY_MB: 60 * gib, VCPU: 1 }),
    );
    assert.equal(claimed.status, 204);
    calls = 0;
    await follower.poll();
    assert.equal(calls, 4, 'one provider has changed');
    assert.deepEqual(hostsFor({ memoryGib: 8 }), ['b']);
    assert.deepEqual(hostsFor({ memoryGib: 4 }), ['a', 'b']);

    const moved = '5f0d8bd6-0000-4000-8000-000000000002';
    const resources = { MEMORY_MB: 40 * gib, VCPU: 1 };
    inFlight.hold({ owner: moved, host: 'b', resources, group: null }, nowMs);
    assert.deepEqual(hostsFor({ memoryGib: 32 }), [], 'what was chosen counts before its claim');
    await follower.poll();
    assert.ok(inFlight.isOn('b'));
    await placement.ask('PUT', `/allocations/${moved}`, claimOf(b, resources));
    calls = 0;
    await follower.poll();
    assert.equal(calls, 5, 'also whose claims are on the host');
    assert.equal(inFlight.size, 0);
    assert.deepEqual(hostsFor({ memoryGib: 24 }), ['b'], 'and once when it is seen');

    hypervisors = [hypervisor('a', a)];
    await follower.poll();
    assert.equal(fleet.hostCount, 2, "Nova's lists are asked for seldom");
    assert.deepEqual(await Promise.all([follower.refresh(), follower.refresh()]), [
      undefined,
      undefined,
    ]);
    assert.equal(fleet.hostCount, 1, 'but at once where somebody must know');

    hypervisors = [{ ...hypervisor('a', a), state: 'down' }];
    nowMs += 10_000;
    await follower.poll();
    assert.deepEqual(hostsFor({ memoryGib: 4 }), []);
    assert.equal(fleet.hostCount, 1);
  });

  test('is of the read that began last, also when an earlier one is answered later', async () => {
    const id = await placement.host('late.node', { MEMORY_MB: 64 * gib, VCPU: 16 });
    const [fleet, gate] = [new Fleet(), Promise.withResolvers<void>()];
    let holdsBack = false;
    const follower = followOpenStack({
      nova: { hypervisors: async () => [hypervisor('late', id)], aggregates: async () => [] },
      placement: {
        ...client,
        async usages(uuid) {
          const usages = await client.usages(uuid);
          if (holdsBack) {
            holdsBack = false;
            await gate.promise;
          }
          return usages;
        },
      },
      fleet,
      inFlight: new InFlight(fleet, cortexDefaults),
      clock: { now: () => 0 },
      defaultZone: 'az1',
    });
    await follower.poll();
    const claim = async (gibs: number): Promise<string> => {
      const consumer = `5f0d8bd6-0000-4000-8000-0000000000${gibs}`;
      const { status } = await placement.ask(
        'PUT',
        `/allocations/${consumer}`,
        claimOf(id, { MEMORY_MB: gibs * gib, VCPU: 1 }),
      );
      assert.equal(status, 204);
      return consumer;
    };
    const first = await claim(10);
    holdsBack = true;
    const early = follower.lookAt(id, first);
    while (holdsBack) await setImmediate();
    assert.equal(await follower.lookAt(id, await claim(20)), undefined);
    gate.resolve();
    assert.equal(await early, undefined);
    const used = fleet.resource('MEMORY_MB').used[fleet.positionOf('late') ?? -1];
    assert.equal(used, 30 * gib);
  });

  test('keeps the picture while an API is away', async () => {
    const fleet = new Fleet();
    const inFlight = new InFlight(fleet, cortexDefaults);
    const away = fault('unavailable', 'away');
    const follower = followOpenStack({
      nova: { hypervisors: async () => away, aggregates: async () => [] },
      placement: client,
      fleet,
      inFlight,
      clock: { now: () => 0 },
      defaultZone: 'az1',
    });
    assert.equal(await follower.poll(), away);
    assert.equal(follower.isReady(), false);
  });
});
