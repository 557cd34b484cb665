import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ReservationFacts } from '../fleet/host-facts.ts';
import { decide, fleetOf, gib, host, remainingHosts, requestFor } from '../small-fleet.testing.ts';
import { meets } from './capability-operators.ts';
import { filters } from './table.ts';

const image = { hypervisorType: '', architecture: '', firmware: '', secureBoot: false };
const group = { id: 'g', name: 'g', policy: '', members: [], hosts: [], maxPerHost: 1 };

test('all filters of the contract are there, and refuse rather than place wrongly', () => {
  assert.equal(filters.length, 17);
  assert.deepEqual(
    filters.filter(({ onFailure }) => onFailure === 'skip').map(({ name }) => name),
    ['filter_quota_enforcement'],
  );
});

describe('filter_status_conditions', () => {
  test('takes only hosts that say that they are ready', () => {
    const fleet = fleetOf(
      host('ready'),
      host('silent', { ready: null }),
      host('broken', { ready: false }),
      host('off', { disabled: true }),
      host('leaving', { terminating: true }),
    );
    assert.deepEqual(remainingHosts('filter_status_conditions', fleet, requestFor()), ['ready']);
  });
});

describe('filter_host_instructions', () => {
  const fleet = fleetOf(host('a'), host('b', { hypervisorHostname: 'b.node' }), host('c'));
  const hosts = (options: Parameters<typeof requestFor>[0]): string[] =>
    remainingHosts('filter_host_instructions', fleet, requestFor(options));

  test('ignores and forces hosts and nodes', () => {
    assert.deepEqual(hosts({ ignoredHosts: ['a', 'gone'] }), ['b', 'c']);
    assert.deepEqual(hosts({ forcedHosts: ['c'] }), ['c']);
    assert.deepEqual(hosts({ forcedNodes: ['b.node'] }), ['b']);
    assert.deepEqual(hosts({ forcedHosts: ['a'], forcedNodes: ['b.node'] }), []);
  });
});

describe('filter_image_properties', () => {
  const fleet = fleetOf(
    host('bios', { traits: ['COMPUTE_FIRMWARE_BIOS'] }),
    host('uefi', { traits: ['COMPUTE_FIRMWARE_UEFI', 'COMPUTE_SECURITY_UEFI_SECURE_BOOT'] }),
    host('silent', { hypervisorType: 'CH' }),
    host('arm', { architecture: 'aarch64', traits: ['COMPUTE_FIRMWARE_UEFI'] }),
  );
  const hosts = (options: Partial<typeof image>): string[] =>
    remainingHosts(
      'filter_image_properties',
      fleet,
      requestFor({ image: { ...image, ...options } }),
    );

  test('goes by hypervisor, architecture, firmware and secure boot', () => {
    assert.equal(hosts({ hypervisorType: 'kvm' }).length, 4);
    assert.deepEqual(hosts({ hypervisorType: 'vmware' }), []);
    assert.deepEqual(hosts({ architecture: 'arm64' }), ['arm']);
    assert.deepEqual(hosts({ firmware: 'uefi' }), ['arm', 'silent', 'uefi']);
    assert.deepEqual(hosts({ firmware: 'bios' }), ['bios', 'silent']);
    assert.deepEqual(hosts({ secureBoot: true }), ['uefi']);
  });
});

describe('filter_capabilities', () => {
  test('knows the operators of extra specs', () => {
    const rows: [value: string | number, wanted: string, expected: boolean][] = [
      ['QEMU', 'QEMU', true],
      ['QEMU', 'CH', false],
      [8_002_005, '>= 8000000', true],
      [8_002_005, '= 9000000', false],
      [8_002_005, '= 8000000', true],
      [4, '== 4.0', true],
      [4, '!= 4', false],
      ['x', '!= 4', false],
      ['x86_64', 's== x86_64', true],
      ['x86_64', 's!= aarch64', true],
      ['b', 's> a', true],
      ['abc', '<in> b', true],
      ['avx avx2', '<all-in> avx avx2', true],
      ['avx', '<all-in> avx avx512', false],
      ['CH', '<or> QEMU <or> CH', true],
      ['KVM', '<or> QEMU <or> CH', false],
      ['', '>=', false],
      ['a', '', false],
    ];
    for (const [value, wanted, expected] of rows)
      assert.equal(meets(value, wanted), expected, `${value} ${wanted}`);
  });

  test('asks for type, architecture and numbers; what nobody has, nobody meets', () => {
    const fleet = fleetOf(
      host('qemu', { hypervisorVersion: 8_002_005 }),
      host('ch', { hypervisorType: 'CH', vcpus: [0, 8] }),
    );
    const hosts = (...pairs: [string, string][]): string[] =>
      remainingHosts('filter_capabilities', fleet, requestFor({ capabilities: pairs }));
    assert.deepEqual(hosts(['hypervisor_type', 'qemu']), ['qemu']);
    assert.deepEqual(hosts(['hypervisor_type', '<or> qemu <or> ch']), ['ch', 'qemu']);
    assert.deepEqual(hosts(['cpu_info:arch', 's== x86_64'], ['vcpus_total', '>= 16']), ['qemu']);
    assert.deepEqual(hosts(['hypervisor_version', '>= 8000000']), ['qemu']);
    assert.deepEqual(hosts(['maxphysaddr:bits', '46']), []);
  });
});

describe('traits, accelerators and customers', () => {
  const fleet = fleetOf(
    host('gpu', { traits: ['CUSTOM_GPU', 'COMPUTE_ACCELERATORS'] }),
    host('shared', { traits: ['CUSTOM_SSD'] }),
    host('customers', { traits: ['CUSTOM_SSD', 'CUSTOM_EXTERNAL_CUSTOMER_EXCLUSIVE'] }),
  );

  test('required and forbidden traits', () => {
    const hosts = (requiredTraits: string[], forbiddenTraits: string[]): string[] =>
      remainingHosts(
        'filter_has_requested_traits',
        fleet,
        requestFor({ requiredTraits, forbiddenTraits }),
      );
    assert.deepEqual(hosts(['CUSTOM_SSD'], []), ['customers', 'shared']);
    assert.deepEqual(hosts(['CUSTOM_SSD'], ['CUSTOM_EXTERNAL_CUSTOMER_EXCLUSIVE']), ['shared']);
    assert.deepEqual(hosts(['CUSTOM_NOBODY'], []), []);
  });

  test('accelerators', () => {
    assert.deepEqual(
      remainingHosts('filter_has_accelerators', fleet, requestFor({ deviceProfile: 'gpu' })),
      ['gpu'],
    );
  });

  test('external customers have hosts of their own', () => {
    const params = [
      { key: 'domainNamePrefixes', stringListValue: ['iaas-'] },
      { key: 'ignoredDomainNames', stringListValue: ['iaas-own'] },
    ];
    const hosts = (domainName: string): string[] =>
      remainingHosts('filter_external_customer', fleet, requestFor({ domainName }), params);
    assert.deepEqual(hosts('iaas-x'), ['customers']);
    assert.equal(hosts('iaas-own').length, 3);
    assert.equal(hosts('corporate').length, 3);
  });
});

describe('projects', () => {
  test('a host with a list is for its projects; aggregates have lists too', () => {
    const mine = { uuid: 'u1', name: 'mine', metadata: { filter_tenant_id_1: 'x, project' } };
    const others = { uuid: 'u2', name: 'others', metadata: { filter_tenant_id: 'x' } };
    const fleet = fleetOf(
      host('free'),
      host('listed', { allowedProjects: ['project'] }),
      host('closed', { allowedProjects: ['x'] }),
      host('mine', { aggregates: [mine] }),
      host('others', { aggregates: [others] }),
      host('both', { aggregates: [others, mine] }),
    );
    assert.deepEqual(remainingHosts('filter_allowed_projects', fleet, requestFor()), [
      'both',
      'free',
      'listed',
      'mine',
      'others',
    ]);
    assert.deepEqual(remainingHosts('filter_aggregate_metadata', fleet, requestFor()), [
      'both',
      'closed',
      'free',
      'listed',
      'mine',
    ]);
  });
});

describe('server groups', () => {
  const fleet = fleetOf(
    host('two', { servers: ['m1', 'm2'] }),
    host('one', { servers: ['m3'] }),
    host('none'),
  );
  const hosts = (policy: string, options: Partial<typeof group> = {}, serverId = 'new'): string[] =>
    remainingHosts(
      `filter_instance_group_${policy.replace('-', '_')}`,
      fleet,
      requestFor({
        serverId,
        group: { ...group, policy, members: ['m1', 'm2', 'm3'] as never[], ...options },
      }),
    );

  test('affinity stays with the group, anti-affinity away from it', () => {
    assert.deepEqual(hosts('affinity'), ['one', 'two']);
    assert.deepEqual(hosts('affinity', { members: [] }), ['none', 'one', 'two']);
    assert.deepEqual(hosts('anti-affinity'), ['none']);
  });

  test('max_server_per_host counts members', () => {
    assert.deepEqual(hosts('anti-affinity', { maxPerHost: 2 }), ['none', 'one']);
    assert.deepEqual(hosts('anti-affinity', { maxPerHost: 3 }), ['none', 'one', 'two']);
  });

  test('a server does not count as a member beside itself', () => {
    assert.deepEqual(hosts('anti-affinity', { hosts: ['one'] as never[] }, 'm3'), ['none', 'one']);
  });

  test('members on hosts that only the request names count as well', () => {
    assert.deepEqual(hosts('anti-affinity', { hosts: ['none'] as never[] }), []);
    const twice = { hosts: ['none', 'none'] as never[], maxPerHost: 2 };
    assert.deepEqual(hosts('anti-affinity', twice), ['one']);
  });
});

describe('filter_live_migratable', () => {
  test('the target offers all that the source does', () => {
    const fleet = fleetOf(
      host('source', { guestFeatures: ['mode/host-model', 'feature/avx2'] }),
      host('more', { guestFeatures: ['mode/host-model', 'feature/avx2', 'feature/avx512f'] }),
      host('less', { guestFeatures: ['mode/host-model'] }),
      host('arm', { guestFeatures: ['mode/host-model', 'feature/avx2'], architecture: 'aarch64' }),
    );
    const hosts = (sourceHost: string): string[] =>
      remainingHosts(
        'filter_live_migratable',
        fleet,
        requestFor({ intent: 'live_migrate', sourceHost }),
      );
    assert.deepEqual(hosts('source'), ['more', 'source']);
    assert.deepEqual(hosts('gone'), []);
  });
});

describe('filter_requested_destination', () => {
  const inAggregate = (name: string, ...uuids: string[]) =>
    host(name, { aggregates: uuids.map((uuid) => ({ uuid, name: uuid, metadata: {} })) });
  const fleet = fleetOf(inAggregate('a', 'x', 'y'), inAggregate('b', 'x', 'z'), host('c'));
  const none = { host: '', node: '', aggregates: [], forbiddenAggregates: [] };
  const hosts = (options: object): string[] =>
    remainingHosts(
      'filter_requested_destination',
      fleet,
      requestFor({ destination: { ...none, ...options } }),
    );

  test('host, one of each list of aggregates, no forbidden one', () => {
    assert.deepEqual(hosts({ host: 'c' }), ['c']);
    assert.deepEqual(hosts({ aggregates: ['x'] }), ['a', 'b']);
    assert.deepEqual(hosts({ aggregates: ['x', 'y,none'] }), ['a']);
    assert.deepEqual(hosts({ forbiddenAggregates: ['z'] }), ['a', 'c']);
    assert.deepEqual(hosts({ aggregates: ['x'], forbiddenAggregates: ['y'] }), ['b']);
  });
});

describe('filter_quota_enforcement', () => {
  const fleet = fleetOf(host('a'), host('b', { zone: 'az2' }));
  fleet.applyQuota({
    projectId: 'project',
    zone: 'az1',
    hwVersion: 'v2',
    committedFreeGib: [16],
    headroom: { ramGib: 4, cores: 2 },
  });
  const enforce = [{ key: 'enforce', boolValue: true }];
  const hosts = (memoryGib: number, vcpus = 2): string[] =>
    remainingHosts(
      'filter_quota_enforcement',
      fleet,
      requestFor({ memoryGib, vcpus, hwVersion: 'v2' }),
      enforce,
    );

  test('a commitment with room is enough; otherwise the quota without commitments must have room', () => {
    assert.deepEqual(hosts(16, 8), ['a', 'b']);
    assert.deepEqual(hosts(17), ['b']);
    assert.deepEqual(hosts(3), ['a', 'b']);
  });

  test('only notes what it would do in shadow mode', () => {
    const request = requestFor({ memoryGib: 17, zone: 'az1', hwVersion: 'v2' });
    assert.deepEqual(remainingHosts('filter_quota_enforcement', fleet, request), ['a', 'b']);
    assert.deepEqual(decide(fleet, request).notes, ['quota of project in az1: no ram left']);
  });
});

describe('filter_exclude_hosts', () => {
  test('by name', () => {
    const params = [{ key: 'excludedHosts', stringListValue: ['a', 'gone'] }];
    const fleet = fleetOf(host('a'), host('b'));
    assert.deepEqual(remainingHosts('filter_exclude_hosts', fleet, requestFor(), params), ['b']);
  });
});

describe('filter_correct_az', () => {
  test('takes all without a zone', () => {
    const fleet = fleetOf(host('a'), host('b', { zone: 'az2' }), host('c', { zone: null }));
    assert.deepEqual(remainingHosts('filter_correct_az', fleet, requestFor({ zone: 'az2' })), [
      'b',
    ]);
    assert.equal(remainingHosts('filter_correct_az', fleet, requestFor()).length, 3);
  });
});

describe('filter_has_enough_capacity', () => {
  const filter = 'filter_has_enough_capacity';

  test('counts exact MiB, to the last one', () => {
    const fleet = fleetOf(host('a', { memoryGib: [248, 256] }));
    assert.deepEqual(remainingHosts(filter, fleet, requestFor({ memoryGib: 8 })), ['a']);
    assert.deepEqual(remainingHosts(filter, fleet, requestFor({ memoryGib: 8 + 1 / gib })), []);
  });

  test('a host with negative free capacity is out', () => {
    const fleet = fleetOf(host('a', { vcpus: [40, 32] }), host('b', { memoryGib: [300, 256] }));
    assert.deepEqual(remainingHosts(filter, fleet, requestFor({ vcpus: 1, memoryGib: 1 })), []);
  });

  test('counts disk where it is known, and devices where they are', () => {
    const small = host('small', { diskGib: [0, 10] });
    const { DISK_GB: _, ...rest } = host('x').resources;
    const fleet = fleetOf(
      small,
      { ...host('untold'), resources: rest },
      host('gpu', { resources: { VGPU: { used: 1, capacity: 2 } } }),
    );
    assert.deepEqual(remainingHosts(filter, fleet, requestFor()), ['gpu', 'untold']);
    const gpus = (count: number) => requestFor({ resources: new Map([['VGPU', count]]) });
    assert.deepEqual(remainingHosts(filter, fleet, gpus(1)), ['gpu']);
    assert.deepEqual(remainingHosts(filter, fleet, gpus(2)), []);
  });

  test('one server takes no more than a host gives to one', () => {
    const resources = { VCPU: { used: 0, capacity: 128, maxUnit: 8 } };
    const fleet = fleetOf(host('overcommitted', { resources }), host('small', { vcpus: [0, 16] }));
    assert.deepEqual(remainingHosts(filter, fleet, requestFor({ vcpus: 16 })), ['small']);
  });

  test('NUMA nodes each need a cell, huge pages their size', () => {
    const cell = (freeVcpus: number, memory: number, pages?: Record<number, number>) => ({
      freeVcpus,
      freeMemoryMib: memory,
      freePages: pages,
    });
    const fleet = fleetOf(
      host('even', { cells: [cell(8, 8_192), cell(8, 8_192, { 2048: 512 })] }),
      host('uneven', { cells: [cell(16, 16_384), cell(2, 512)] }),
      host('untold'),
    );
    const node = { vcpus: 4, memoryMib: 4_096 };
    const hosts = (nodes: (typeof node)[], pageSizesKib: number[] = []): string[] =>
      remainingHosts(filter, fleet, requestFor({ topology: { nodes, pageSizesKib } }));
    assert.deepEqual(hosts([node]), ['even', 'uneven', 'untold']);
    assert.deepEqual(hosts([node, node]), ['even', 'untold']);
    assert.deepEqual(hosts([node, { vcpus: 1, memoryMib: 256 }]), ['even', 'uneven', 'untold']);
    assert.deepEqual(hosts([{ vcpus: 1, memoryMib: 1_025 }], [2048]), ['uneven', 'untold']);
  });

  describe('with reservations', () => {
    const reservation: ReservationFacts = {
      id: 'r',
      type: 'CommittedResourceReservation',
      ready: true,
      hosts: ['a', 'a', 'not-there'],
      held: { MEMORY_MB: 252 * gib },
      projectId: 'project',
      resourceGroup: 'v2',
      zone: 'az1',
      servers: [],
    };
    const hosts = (
      facts: Partial<ReservationFacts>,
      options: Parameters<typeof requestFor>[0] = {},
      lockReserved = false,
    ): string[] => {
      const fleet = fleetOf(host('a'));
      fleet.applyReservation({ ...reservation, ...facts });
      return remainingHosts(filter, fleet, requestFor(options), [
        { key: 'lockReserved', boolValue: lockReserved },
      ]);
    };

    test("a commitment is its project's, for its flavors, when it is ready", () => {
      assert.deepEqual(hosts({}, { hwVersion: 'v2' }), ['a']);
      assert.deepEqual(hosts({}, { hwVersion: 'v3' }), []);
      assert.deepEqual(hosts({ projectId: 'other' }, { hwVersion: 'v2' }), []);
      assert.deepEqual(hosts({ ready: false }, { hwVersion: 'v2' }), []);
      assert.deepEqual(hosts({}, { hwVersion: 'v2' }, true), []);
      assert.deepEqual(
        hosts({}, { hwVersion: 'v2', intent: 'reserve_for_committed_resource' }),
        [],
      );
    });

    test("a failover reservation is for the evacuation of its own server's", () => {
      const failover = { type: 'FailoverReservation', servers: ['server'] } as const;
      assert.deepEqual(hosts(failover, { intent: 'evacuate' }), ['a']);
      assert.deepEqual(hosts(failover, { intent: 'live_migrate' }), []);
      assert.deepEqual(hosts(failover, { intent: 'evacuate', serverId: 'other' }), []);
      assert.deepEqual(hosts(failover, { intent: 'reuse_failover_reservation' }), ['a']);
    });

    test('reservation types that the request ignores reserve nothing, except in-flight ones', () => {
      assert.deepEqual(hosts({ type: 'InFlightReservation' }), []);
      assert.deepEqual(
        hosts(
          { type: 'InFlightReservation' },
          { ignoredReservationTypes: ['InFlightReservation'] },
        ),
        ['a'],
      );
    });

    test('a removed reservation frees its capacity', () => {
      const fleet = fleetOf(host('a'));
      fleet.applyReservation(reservation);
      fleet.applyReservation({ ...reservation, held: { MEMORY_MB: 250 * gib } });
      assert.deepEqual(remainingHosts(filter, fleet, requestFor({ memoryGib: 7 })), []);
      fleet.removeReservation('r');
      assert.deepEqual(remainingHosts(filter, fleet, requestFor({ memoryGib: 256 })), ['a']);
    });
  });

  test('an empty fleet can be assumed', () => {
    const fleet = fleetOf(host('a', { memoryGib: [256, 256], vcpus: [32, 32] }));
    assert.deepEqual(remainingHosts(filter, fleet, requestFor({ assumeEmptyHosts: true })), ['a']);
    assert.deepEqual(
      remainingHosts(filter, fleet, requestFor({ memoryGib: 257, assumeEmptyHosts: true })),
      [],
    );
  });
});
