import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isFault } from '#contracts/common/fault.ts';
import type { StepParameter } from '#contracts/cortex/pipeline.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { ReservationFacts } from '../fleet/host-facts.ts';
import { buildPipeline } from '../pipeline/build-pipeline.ts';
import type { PlacementRequest } from '../request/placement-request.ts';
import { decide, fleetOf, gib, host, requestFor } from '../small-fleet.testing.ts';
import { weighers } from './table.ts';

const build = (weigher: string, params: StepParameter[], multiplier?: number) =>
  buildPipeline('one', {
    schedulingDomain: 'nova',
    type: 'filter-weigher',
    weighers: [{ name: weigher, params, multiplier }],
  });

/** The weight that the weigher gives to each host. */
function weights(
  weigher: string,
  fleet: Fleet,
  request: PlacementRequest,
  params: StepParameter[] = [],
  multiplier?: number,
): Record<string, number> {
  const pipeline = build(weigher, params, multiplier);
  if (isFault(pipeline)) throw new Error(pipeline.message);
  return Object.fromEntries(
    decide(fleet, request, pipeline).targets.map(({ name, weight }) => [name, weight]),
  );
}

function assertClose(actual: Record<string, number>, activations: Record<string, number>): void {
  assert.deepEqual(Object.keys(actual).sort(), Object.keys(activations).sort());
  for (const [name, activation] of Object.entries(activations))
    assert.ok(
      Math.abs((actual[name] ?? NaN) - Math.tanh(activation)) < 1e-9,
      `${name}: ${actual[name]}, not tanh(${activation})`,
    );
}

const by = (floatMapValue: Record<string, number>): StepParameter[] => [
  { key: 'resourceWeights', floatMapValue },
];
const failover = (id: string, hosts: string[], servers: string[], more = {}): ReservationFacts => ({
  id,
  type: 'FailoverReservation',
  ready: true,
  hosts,
  held: { MEMORY_MB: 8 * gib },
  servers,
  ...more,
});

test('all weighers for KVM are there', () => assert.equal(weighers.length, 6));

describe('kvm_binpack', () => {
  const fleet = fleetOf(
    host('a', { memoryGib: [56, 256], vcpus: [14, 32] }),
    host('b', { memoryGib: [120, 128], vcpus: [0, 32] }),
  );

  test('is the use with the server on it, 8 GiB and 2 vCPUs', () => {
    assertClose(weights('kvm_binpack', fleet, requestFor(), by({ memory: 1 })), { a: 0.25, b: 1 });
    assertClose(weights('kvm_binpack', fleet, requestFor(), by({ memory: 1, cpu: 3 })), {
      a: 0.25 * 0.25 + 0.75 * 0.5,
      b: 0.25 + 0.75 * 0.0625,
    });
  });

  test('spreads with a negative multiplier', () => {
    assertClose(weights('kvm_binpack', fleet, requestFor(), by({ memory: 1 }), -1), {
      a: -0.25,
      b: -1,
    });
  });

  test('refuses weights that mean nothing', () => {
    for (const params of [[], by({}), by({ memory: 0 }), by({ gold: 1 }), by({ cpu: -1 })])
      assert.ok(isFault(build('kvm_binpack', params)), JSON.stringify(params));
  });
});

describe('kvm_prefer_smaller_hosts', () => {
  test('is 1 for the smallest, 0 for the largest', () => {
    const fleet = fleetOf(
      host('small', { memoryGib: [0, 100] }),
      host('middle', { memoryGib: [0, 150] }),
      host('large', { memoryGib: [0, 300] }),
    );
    assertClose(weights('kvm_prefer_smaller_hosts', fleet, requestFor(), by({ memory: 1 })), {
      small: 1,
      middle: 0.75,
      large: 0,
    });
  });
});

describe('kvm_instance_group_soft_affinity', () => {
  const fleet = fleetOf(host('two', { servers: ['m1', 'm2'] }), host('one', { servers: ['m3'] }));
  const request = (policy: string) =>
    requestFor({
      group: { id: 'g', name: 'g', policy, members: ['m1', 'm2', 'm3'], hosts: [], maxPerHost: 1 },
    });

  test('goes to or from members, by their number', () => {
    const weigher = 'kvm_instance_group_soft_affinity';
    assertClose(weights(weigher, fleet, request('soft-affinity')), { two: 1, one: 0.5 });
    assertClose(weights(weigher, fleet, request('soft-anti-affinity')), { two: -1, one: -0.5 });
    assertClose(weights(weigher, fleet, request('affinity')), { two: 0, one: 0 });
  });
});

describe('reservations', () => {
  const fleet = fleetOf(host('a'), host('b'), host('c'));
  fleet.applyReservation(failover('f1', ['a'], ['server'], { resourceGroup: 'g1' }));
  fleet.applyReservation(failover('f2', ['a'], ['x'], { resourceGroup: 'g2' }));
  fleet.applyReservation(failover('f3', ['b'], ['server'], { ready: false }));
  fleet.applyReservation({
    ...failover('c1', ['b'], []),
    type: 'CommittedResourceReservation',
    projectId: 'project',
    resourceGroup: 'v2',
    zone: 'az1',
  });

  test("an evacuation goes where its server's own reservation is", () => {
    const weigher = 'kvm_failover_evacuation';
    assertClose(weights(weigher, fleet, requestFor({ intent: 'evacuate' })), {
      a: 1,
      b: 0.1,
      c: 0.1,
    });
    assertClose(weights(weigher, fleet, requestFor()), { a: 0, b: 0, c: 0 });
  });

  test('failover reservations gather, but not those of one group', () => {
    const weigher = 'kvm_failover_reservation_consolidation';
    const request = requestFor({ intent: 'reserve_for_failover', resourceGroup: 'g1' });
    assertClose(weights(weigher, fleet, request), { a: (2 - 0.1) / 2, b: 0, c: 0 });
  });

  test('a commitment draws the servers that fit into it', () => {
    const weigher = 'kvm_committed_resource_reservation';
    const of = (options: Parameters<typeof requestFor>[0]) =>
      weights(weigher, fleet, requestFor({ hwVersion: 'v2', ...options }));
    assertClose(of({}), { a: 0.1, b: 1, c: 0.1 });
    assertClose(of({ memoryGib: 9 }), { a: 0, b: 0, c: 0 });
    assertClose(of({ zone: 'az2' }), { a: 0, b: 0, c: 0 });
  });
});
