import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Hypervisor } from '#contracts/kube/kinds.ts';
import { parseQuantity } from '#contracts/kube/quantity.ts';
import { decide, fleetOf, host, requestFor } from '../small-fleet.testing.ts';
import { createChance, syntheticHost } from '../synthetic-fleet.testing.ts';
import { Fleet } from './fleet.ts';
import { withHypervisor } from './from-hypervisor.ts';
import { membersOf } from './host-set.ts';

/** Everything that decisions read of a fleet, by names, so that two fleets can be compared. */
function contentOf(fleet: Fleet) {
  const present = membersOf(fleet.present);
  const sets = [
    fleet.zones,
    fleet.traits,
    fleet.aggregates,
    fleet.hypervisorTypes,
    fleet.architectures,
    fleet.guestFeatures,
    fleet.allowedProjects,
    fleet.tenants,
  ].map((index) =>
    [...index.names()].sort().map((name) => [
      name,
      membersOf(index.of(name) ?? new Int32Array())
        .map((at) => fleet.names[at])
        .sort(),
    ]),
  );
  const hosts = present
    .map((at) => ({
      name: fleet.names[at],
      node: fleet.nodeNames[at],
      servers: fleet.serversOn(at),
      resources: [...fleet.resources.values()]
        .map((one) => [one.name, one.capacity[at], one.used[at], one.free[at], one.freeUnits[at]])
        .sort(),
    }))
    .sort((a, b) => ((a.name ?? '') < (b.name ?? '') ? -1 : 1));
  const flags = [fleet.ready, fleet.disabled, fleet.terminating, fleet.restricted, fleet.isolated];
  return {
    hostCount: fleet.hostCount,
    hosts,
    sets,
    flags: flags.map((set) =>
      membersOf(set)
        .map((at) => fleet.names[at])
        .sort(),
    ),
    servers: [...fleet.hostOfServer].map(([id, at]) => [id, fleet.names[at]]).sort(),
  };
}

describe('the fleet', () => {
  test('has the same state after any sequence of events as after a full read', () => {
    for (let seed = 1; seed <= 5; seed += 1) {
      const chance = createChance(seed);
      const fleet = new Fleet();
      const truth = new Map<string, ReturnType<typeof syntheticHost>>();
      for (let event = 0; event < 600; event += 1) {
        const facts = syntheticHost(chance.below(150), chance);
        if (chance.happens(0.2)) {
          fleet.remove(facts.name);
          truth.delete(facts.name);
        } else {
          fleet.apply(facts);
          truth.set(facts.name, facts);
        }
      }
      const anew = new Fleet();
      for (const facts of truth.values()) anew.apply(facts);
      assert.ok(truth.size > 64, 'the columns have grown');
      assert.deepEqual(contentOf(fleet), contentOf(anew));
    }
  });

  test('counts a changed allocation in the next decision', () => {
    const fleet = fleetOf(host('a'));
    assert.equal(decide(fleet, requestFor()).targets.length, 1);
    fleet.applyUsage('a', { MEMORY_MB: 256 * 1024 });
    assert.equal(decide(fleet, requestFor()).targets.length, 0);
    fleet.applyUsage('nobody', { MEMORY_MB: 1 });
    assert.equal(fleet.hostCount, 1);
  });

  test('has a reservation of a host before the host itself', () => {
    const fleet = new Fleet();
    fleet.applyReservation({
      id: 'r',
      type: 'InFlightReservation',
      ready: true,
      hosts: ['late'],
      held: { VCPU: 31 },
      servers: [],
    });
    assert.equal(fleet.hostCount, 0);
    assert.equal(fleet.positionOf('late'), undefined);
    fleet.apply(host('late'));
    assert.equal(decide(fleet, requestFor({ vcpus: 2 })).targets.length, 0);
    assert.equal(decide(fleet, requestFor({ vcpus: 1 })).targets.length, 1);
  });

  test('follows a server that moves, in whatever order its hosts tell', () => {
    const fleet = fleetOf(host('from', { servers: ['s'] }), host('to'));
    fleet.apply(host('to', { servers: ['s'] }));
    fleet.apply(host('from'));
    assert.equal(fleet.hostOfServer.get('s'), fleet.positionOf('to'));
  });
});

describe('a hypervisor', () => {
  const hypervisor: Hypervisor = {
    apiVersion: 'kvm.cloud.sap/v1',
    kind: 'Hypervisor',
    metadata: { name: 'node1' },
    spec: { customTraits: ['CUSTOM_B'], allowedProjects: ['p'] },
    status: {
      capabilities: { cpuArch: 'aarch64' },
      domainCapabilities: {
        arch: 'unknown',
        supportedCpuModes: ['mode/host-model'],
        supportedFeatures: ['feature/avx2'],
      },
      cells: [
        { cellID: 0, capacity: { cpu: '8', memory: '32Gi' }, allocation: { memory: '1536Ki' } },
      ],
      traits: ['CUSTOM_A'],
    },
  };

  test('adds to what OpenStack tells of its host, with exact units', () => {
    const facts = withHypervisor(host('node1', { architecture: '' }), hypervisor);
    assert.deepEqual(facts.cells, [{ freeVcpus: 8, freeMemoryMib: 32_766.5 }]);
    assert.deepEqual(facts.traits, ['CUSTOM_A', 'CUSTOM_B']);
    assert.deepEqual(facts.guestFeatures, ['mode/host-model', 'feature/avx2']);
    assert.deepEqual(facts.allowedProjects, ['p']);
    assert.equal(facts.architecture, 'aarch64');
    assert.equal(facts.ready, true);
    assert.equal(facts.terminating, false);
  });

  test('that is deleted takes no servers', () => {
    const metadata = { name: 'node1', deletionTimestamp: '2026-01-01T00:00:00Z' };
    const facts = withHypervisor(host('node1'), { ...hypervisor, spec: {}, metadata });
    assert.equal(decide(fleetOf(facts), requestFor()).targets.length, 0);
  });

  test('has quantities in every spelling', () => {
    const rows: [string | number, number | undefined][] = [
      ['64Gi', 2 ** 36],
      ['1500m', 1.5],
      ['1e3', 1000],
      ['2k', 2000],
      [7, 7],
      ['.5', 0.5],
      ['x', undefined],
      ['1constructor', undefined],
      ['', undefined],
    ];
    for (const [text, value] of rows) assert.equal(parseQuantity(text), value, `${text}`);
  });
});
