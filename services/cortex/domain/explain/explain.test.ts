import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Fleet } from '../fleet/fleet.ts';
import type { HostFacts, ReservationFacts } from '../fleet/host-facts.ts';
import { buildPipeline } from '../pipeline/build-pipeline.ts';
import { defaultPipelines } from '../pipeline/default-pipelines.ts';
import { generalPurpose } from '../request/infer-pipeline.ts';
import type { PlacementRequest } from '../request/placement-request.ts';
import { decide, fleetOf, host, pipelineOf, requestFor } from '../small-fleet.testing.ts';
import { explainDecision, whyNot } from './explain-decision.ts';
import type { NoHostCause } from './no-host-cause.ts';
import { allCauses } from './no-host-cause.ts';

interface Case {
  title: string;
  cause: NoHostCause;
  hosts: HostFacts[];
  request: PlacementRequest;
  text: string;
  reservations?: ReservationFacts[];
  with?: (fleet: Fleet) => void;
  enforceQuota?: true;
}

/** A host that would fit if it were not full; the others below are excluded for other reasons. */
const full = host('full', { memoryGib: [250, 256] });
const rack = { uuid: 'rack-1', name: 'rack-1', metadata: {} };
const elsewhere = host('elsewhere', { zone: 'az2' });
const inAz1 = (options: Parameters<typeof requestFor>[0] = {}) =>
  requestFor({ zone: 'az1', ...options });

const cases: readonly Case[] = [
  {
    title: 'there are no hosts',
    cause: 'noHosts',
    hosts: [],
    request: requestFor(),
    text: 'The cloud has no hosts.',
  },
  {
    title: 'no host in the zone',
    cause: 'zone',
    hosts: [host('a'), host('b')],
    request: requestFor({ zone: 'az9' }),
    text: 'There is no host in the availability zone az9.',
  },
  {
    title: 'too little memory in all',
    cause: 'capacity',
    hosts: [host('a', { memoryGib: [250, 256] }), host('b', { memoryGib: [252, 256] }), elsewhere],
    request: inAz1({ memoryGib: 64 }),
    text: 'No host has 64 GiB of memory free: only 10 GiB are left in all.',
  },
  {
    title: 'free memory is scattered',
    cause: 'fragmentation',
    hosts: Array.from({ length: 18 }, (_, index) => host(`h${index}`, { memoryGib: [206, 256] })),
    request: requestFor({ memoryGib: 64 }),
    text: 'No host has 64 GiB of memory free although 900 GiB are: the most on one host is 50 GiB.',
  },
  {
    title: 'each resource is free, but never all at once',
    cause: 'fragmentation',
    hosts: [host('a', { vcpus: [31, 32] }), host('b', { memoryGib: [255, 256] })],
    request: requestFor({ vcpus: 8, memoryGib: 64 }),
    text: 'No host has enough of all at once (vCPUs, memory, disk space), although some have enough of each.',
  },
  {
    title: 'the flavor is larger than any host',
    cause: 'tooLarge',
    hosts: [host('a'), full],
    request: requestFor({ vcpus: 64 }),
    text: 'The flavor wants 64 vCPUs; the largest host that fits gives 32 vCPUs to a server, even when it is empty.',
  },
  {
    title: 'a host is overcommitted already',
    cause: 'capacity',
    hosts: [host('a', { memoryGib: [300, 256] })],
    request: requestFor(),
    text: 'No host has 8 GiB of memory free: only 0 MiB are left in all.',
  },
  {
    title: 'reservations hold what would be enough',
    cause: 'reservations',
    hosts: [host('a'), full],
    reservations: [
      {
        id: 'r',
        type: 'FailoverReservation',
        ready: true,
        hosts: ['a'],
        held: { MEMORY_MB: 200 * 1024 },
        servers: ['other'],
      },
    ],
    request: requestFor({ memoryGib: 100 }),
    text: 'No host has 100 GiB of memory free: what would be enough is reserved.',
  },
  {
    title: 'hosts with the trait are in another zone',
    cause: 'trait',
    hosts: [host('a'), full, host('b', { zone: 'az2', traits: ['CUSTOM_SSD'] })],
    request: inAz1({ requiredTraits: ['CUSTOM_SSD'] }),
    text: 'No host that fits has the trait CUSTOM_SSD.',
  },
  {
    title: 'the only host with the trait is full, though another has room',
    cause: 'capacity',
    hosts: [host('a'), host('b', { traits: ['CUSTOM_SSD'], memoryGib: [255, 256] })],
    request: requestFor({ requiredTraits: ['CUSTOM_SSD'] }),
    text: 'No host has 8 GiB of memory free: only 1 GiB are left in all.',
  },
  {
    title: 'all hosts of the zone are down',
    cause: 'hostsUnavailable',
    hosts: [host('a', { ready: false }), host('b', { disabled: true }), elsewhere],
    request: inAz1(),
    text: 'No host that fits is in operation at present.',
  },
  {
    title: 'the hosts are for other projects',
    cause: 'reservedForOthers',
    hosts: [host('a', { allowedProjects: ['other'] }), elsewhere],
    request: inAz1(),
    text: 'The hosts that fit are reserved for other projects.',
  },
  {
    title: 'the group is on every host',
    cause: 'antiAffinity',
    hosts: [host('a', { servers: ['m1'] }), host('b', { servers: ['m2'] }), elsewhere],
    request: inAz1({
      group: {
        id: 'web',
        name: 'web',
        policy: 'anti-affinity',
        members: ['m1', 'm2'],
        hosts: [],
        maxPerHost: 1,
      },
    }),
    text: 'Every host that fits has a server of the anti-affinity group web.',
  },
  {
    title: "the group's host is out of operation",
    cause: 'affinity',
    hosts: [host('a', { servers: ['m1'], ready: false }), host('b')],
    request: requestFor({
      group: {
        id: 'db',
        name: 'db',
        policy: 'affinity',
        members: ['m1'],
        hosts: ['a'],
        maxPerHost: 1,
      },
    }),
    text: "No host of the server group db's servers can take another one.",
  },
  {
    title: 'the image is for another hypervisor',
    cause: 'image',
    hosts: [host('a'), full],
    request: requestFor({
      image: { hypervisorType: 'hyperv', architecture: '', firmware: '', secureBoot: false },
    }),
    text: 'No host runs images for the hypervisor hyperv.',
  },
  {
    title: 'the flavor wants a capability',
    cause: 'capability',
    hosts: [host('a')],
    request: requestFor({ capabilities: [['cpu_arch', 's== aarch64']] }),
    text: 'No host has the capability that the flavor requires: cpu_arch s== aarch64.',
  },
  {
    title: 'there are no devices',
    cause: 'accelerator',
    hosts: [host('a'), host('b')],
    request: requestFor({ resources: new Map([['VGPU', 1]]) }),
    text: 'No host that fits has VGPU.',
  },
  {
    title: 'the destination is not there',
    cause: 'namedHost',
    hosts: [host('a')],
    request: requestFor({ forcedHosts: ['gone'] }),
    text: 'The host that was asked for does not exist or does not fit.',
  },
  {
    title: 'no host of the aggregate is free to take',
    cause: 'aggregate',
    hosts: [host('a', { aggregates: [rack] }), host('b'), elsewhere],
    request: inAz1({
      destination: { host: '', node: '', aggregates: ['rack-2'], forbiddenAggregates: [] },
    }),
    text: 'No host is in the requested aggregates.',
  },
  {
    title: 'all hosts are in an aggregate that must not be',
    cause: 'aggregate',
    hosts: [host('a', { aggregates: [rack] }), elsewhere],
    request: inAz1({
      destination: { host: '', node: '', aggregates: [], forbiddenAggregates: ['rack-1'] },
    }),
    text: 'All hosts that fit are in aggregates that the request forbids.',
  },
  {
    title: 'all hosts have been tried before',
    cause: 'excluded',
    hosts: [host('a'), host('b'), elsewhere],
    request: inAz1({ ignoredHosts: ['a', 'b'] }),
    text: 'All hosts that fit are to be avoided.',
  },
  {
    title: 'no other host can take the running guest',
    cause: 'liveMigration',
    hosts: [host('a', { guestFeatures: ['feature/avx512f'] }), host('b')],
    request: requestFor({ intent: 'live_migrate', sourceHost: 'a', ignoredHosts: ['a'] }),
    text: 'No other host has all CPU features and devices of the present one.',
  },
  {
    title: 'NUMA cells are too full',
    cause: 'topology',
    hosts: [
      host('a', {
        cells: [
          { freeVcpus: 16, freeMemoryMib: 4_096 },
          { freeVcpus: 1, freeMemoryMib: 200_000 },
        ],
      }),
    ],
    request: requestFor({
      topology: {
        nodes: [
          { vcpus: 2, memoryMib: 4_096 },
          { vcpus: 2, memoryMib: 4_096 },
        ],
        pageSizesKib: [],
      },
    }),
    text: "No host has room for the flavor's NUMA nodes (2).",
  },
  {
    title: 'the quota is used up',
    cause: 'quota',
    hosts: [host('a'), elsewhere],
    request: inAz1({ hwVersion: 'v2' }),
    enforceQuota: true,
    with: (fleet) =>
      fleet.applyQuota({
        projectId: 'project',
        zone: 'az1',
        hwVersion: 'v2',
        committedFreeGib: [4],
        headroom: { ramGib: 7 },
      }),
    text: "The project's quota of ram in this zone is used up.",
  },
  {
    title: 'the source of a live migration is not known',
    cause: 'stepFailed',
    hosts: [host('a'), host('b')],
    request: requestFor({ intent: 'live_migrate', sourceHost: 'gone' }),
    text: 'The request could not be checked against the hosts.',
  },
];

function pipelineWith(enforceQuota: boolean) {
  const spec = defaultPipelines[generalPurpose];
  if (!spec || !enforceQuota) return pipelineOf();
  const filters = spec.filters?.map((one) =>
    one.name === 'filter_quota_enforcement'
      ? { ...one, params: [{ key: 'enforce', boolValue: true }] }
      : one,
  );
  const pipeline = buildPipeline('enforcing', { ...spec, filters });
  if (!('filters' in pipeline)) throw new Error(pipeline.message);
  return pipeline;
}

describe('no valid host', () => {
  for (const one of cases)
    test(one.title, () => {
      const fleet = fleetOf(...one.hosts);
      for (const reservation of one.reservations ?? []) fleet.applyReservation(reservation);
      one.with?.(fleet);
      const pipeline = pipelineWith(one.enforceQuota ?? false);
      const decision = decide(fleet, one.request, pipeline);
      const { noHost } = explainDecision(fleet, pipeline, decision);
      assert.deepEqual(noHost, { cause: one.cause, text: one.text });
      for (const { name } of one.hosts.filter(({ name: each }) => each.length > 2))
        assert.ok(!noHost.text.includes(name), 'a tenant sees the name of a host');
      // The cause does not depend on the order of the filters.
      const reversed = { ...pipeline, filters: pipeline.filters.toReversed() };
      const again = decide(fleet, one.request, reversed);
      assert.equal(explainDecision(fleet, reversed, again).noHost?.cause, one.cause);
    });

  test('has a case for each cause', () => {
    const tested = new Set(cases.map(({ cause }) => cause));
    assert.deepEqual(
      [...allCauses].filter((cause) => !tested.has(cause)),
      [],
    );
    assert.ok(tested.size >= 12);
  });

  test('is said with what would help', () => {
    const fleet = fleetOf(host('a', { traits: ['CUSTOM_A'], memoryGib: [255, 256] }), host('b'));
    const request = requestFor({ requiredTraits: ['CUSTOM_A'] });
    assert.deepEqual(explainDecision(fleet, pipelineOf(), decide(fleet, request)).withoutFilter, [
      { filter: 'filter_has_requested_traits', hosts: 1 },
      { filter: 'filter_has_enough_capacity', hosts: 1 },
    ]);
  });
});

describe('a decision', () => {
  const fleet = fleetOf(
    host('roomy', { memoryGib: [10, 256] }),
    host('fuller', { memoryGib: [200, 256] }),
    host('other', { zone: 'az2' }),
    host('off', { disabled: true }),
  );
  const decision = decide(fleet, requestFor({ zone: 'az1' }));

  test('is explained by steps, weights and the runner-up', () => {
    const explanation = explainDecision(fleet, pipelineOf(), decision);
    assert.deepEqual(explanation.steps, [
      {
        step: 'filter_correct_az',
        hostsIn: 4,
        hostsOut: 3,
        removed: [
          { reason: 'otherZone', text: 'is not in the zone az1', count: 1, hosts: ['other'] },
        ],
      },
      {
        step: 'filter_status_conditions',
        hostsIn: 3,
        hostsOut: 2,
        removed: [{ reason: 'disabled', text: 'is disabled', count: 1, hosts: ['off'] }],
      },
    ]);
    const [best, second] = explanation.targets;
    assert.deepEqual([best?.host, second?.host], ['roomy', 'fuller']);
    assert.ok(Math.abs((best?.byStep['kvm_binpack'] ?? 0) - -Math.tanh(18 / 256)) < 1e-9);
    assert.deepEqual(explanation.runnerUp?.host, 'fuller');
    assert.equal(explanation.runnerUp.mostBy, 'kvm_binpack');
  });

  test('says why it is not this host', () => {
    assert.equal(whyNot(fleet, decision, 'off'), 'filter_status_conditions: the host is disabled.');
    assert.match(whyNot(fleet, decision, 'fuller'), /number 2 of 2/);
    assert.equal(whyNot(fleet, decision, 'roomy'), 'The host roomy is the best.');
    assert.equal(whyNot(fleet, decision, 'nobody'), 'The host nobody is not known.');
  });

  test('is the same again, and equals are ordered alike by every process', () => {
    const many = Array.from({ length: 50 }, (_, index) => host(`host${index}`));
    const first = decide(fleetOf(...many), requestFor()).targets.map(({ name }) => name);
    const again = decide(fleetOf(...many.toReversed()), requestFor()).targets;
    assert.deepEqual(
      again.map(({ name }) => name),
      first,
    );
    const forAnother = decide(fleetOf(...many), requestFor({ serverId: 'another' })).targets;
    assert.notEqual(forAnother[0]?.name, first[0]);
  });
});
