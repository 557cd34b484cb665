import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { NovaExternalRequest } from '#contracts/cortex/external-scheduler.ts';
import { buildPipeline } from '../pipeline/build-pipeline.ts';
import { pageSizesOf, topologyOf } from './guest-topology.ts';
import { inferPipeline } from './infer-pipeline.ts';
import { intentOf, parseNovaRequest } from './parse-nova-request.ts';

type Spec = NovaExternalRequest['spec']['nova_object.data'];

const requestWith = (
  specs: Record<string, string>,
  more: Partial<Spec> = {},
  properties: Record<string, unknown> = {},
): NovaExternalRequest => ({
  spec: {
    'nova_object.data': {
      flavor: {
        'nova_object.data': {
          name: 'f',
          vcpus: 4,
          memory_mb: 8_192,
          root_gb: 20,
          ephemeral_gb: 5,
          swap: 1_500,
          extra_specs: specs,
        },
      },
      image: { 'nova_object.data': { properties: { 'nova_object.data': properties } } },
      ...more,
    },
  },
  hosts: [],
  weights: {},
});
const parse = (...parameters: Parameters<typeof requestWith>) =>
  parseNovaRequest(requestWith(...parameters));

describe("a request of Nova's", () => {
  test('asks for what its flavor says, in whole units', () => {
    const { resources } = parse({});
    assert.deepEqual(Object.fromEntries(resources), { VCPU: 4, MEMORY_MB: 8_192, DISK_GB: 27 });
    assert.equal(parse({}, { is_bfv: true }).resources.get('DISK_GB'), 7);
  });

  test('may override resources, and ask for devices and traits in groups', () => {
    const { resources, requiredTraits, forbiddenTraits } = parse(
      {
        'resources:VCPU': '0',
        'resources1:VGPU': '1',
        'resources_B:VGPU': '1',
        'pci_passthrough:alias': 'gpu:2,qat',
        'trait:CUSTOM_A': 'required',
        'trait1:CUSTOM_B': 'required',
        'trait_B:CUSTOM_C': 'forbidden',
      },
      {
        request_level_params: {
          'nova_object.data': { root_required: ['COMPUTE_A'], root_forbidden: ['COMPUTE_B'] },
        },
      },
      { traits_required: ['CUSTOM_IMAGE'] },
    );
    assert.deepEqual(Object.fromEntries(resources), {
      MEMORY_MB: 8_192,
      DISK_GB: 27,
      VGPU: 2,
      'PCI:gpu': 2,
      'PCI:qat': 1,
    });
    assert.deepEqual(requiredTraits, ['CUSTOM_A', 'CUSTOM_B', 'COMPUTE_A', 'CUSTOM_IMAGE']);
    assert.deepEqual(forbiddenTraits, ['CUSTOM_C', 'COMPUTE_B']);
  });

  test("has the group's limit, whether a number or a text", () => {
    const most = (rules: Record<string, number | string>) =>
      parse({}, { instance_group: { 'nova_object.data': { _rules: rules } } }).group?.maxPerHost;
    assert.equal(most({ max_server_per_host: 3 }), 3);
    assert.equal(most({ max_server_per_host: '3' }), 3);
    assert.equal(most({}), 1);
    assert.equal(most({ max_server_per_host: 'x' }), 1);
  });

  test('says its intent by a hint', () => {
    const intent = (hints?: Record<string, string | string[]>) =>
      intentOf({ scheduler_hints: hints });
    assert.equal(intent(), 'unknown');
    assert.equal(intent({}), 'unknown');
    assert.equal(intent({ _nova_check_type: ['live_migrate'] }), 'live_migrate');
    assert.equal(intent({ _nova_check_type: 'evacuate' }), 'evacuate');
    assert.equal(intent({ _nova_check_type: ['something'] }), 'create');
  });

  test('finds its pipeline', () => {
    const pipeline = (specs: Record<string, string>) => inferPipeline(requestWith(specs));
    const [type, hana] = ['capabilities:hypervisor_type', 'trait:CUSTOM_HANA_EXCLUSIVE_HOST'];
    assert.equal(pipeline({}), 'kvm-general-purpose-load-balancing');
    assert.equal(pipeline({ [type]: 'CH', [hana]: 'forbidden' }), pipeline({}));
    assert.equal(pipeline({ [type]: 'qemu', [hana]: 'required' }), 'kvm-hana-bin-packing');
    assert.equal(
      pipeline({ [type]: 'VMware vCenter Server' }),
      'vmware-general-purpose-load-balancing',
    );
  });
});

describe('NUMA nodes', () => {
  const guest = { vcpus: 4, memoryMib: 8_192 };

  test('are equal by default, and no more than can be counted', () => {
    assert.equal(topologyOf({}, {}, guest), null);
    assert.equal(topologyOf({ 'hw:mem_page_size': 'small' }, {}, guest), null);
    assert.deepEqual(topologyOf({ 'hw:numa_nodes': '2' }, {}, guest)?.nodes, [
      { vcpus: 2, memoryMib: 4_096 },
      { vcpus: 2, memoryMib: 4_096 },
    ]);
    assert.deepEqual(
      topologyOf(
        {
          'hw:numa_nodes': '2',
          'hw:numa_cpus.0': '0-2,^1',
          'hw:numa_mem.0': '1024',
          'hw:numa_cpus.1': '3',
          'hw:numa_mem.1': '7168',
        },
        {},
        guest,
      )?.nodes,
      [
        { vcpus: 2, memoryMib: 1_024 },
        { vcpus: 1, memoryMib: 7_168 },
      ],
    );
    const tenants = topologyOf({}, { hw_numa_nodes: 1e12, hw_mem_page_size: 'large' }, guest);
    assert.equal(tenants?.nodes.length, 256);
    assert.deepEqual(tenants?.pageSizesKib, [2_048, 1_048_576]);
    assert.ok(topologyOf({ 'hw:numa_nodes': '1', 'hw:numa_cpus.0': '0-9999999999' }, {}, guest));
  });

  test('have pages by name or size', () => {
    assert.deepEqual(pageSizesOf('2MB'), [2_048]);
    assert.deepEqual(pageSizesOf('1GiB'), [1_048_576]);
    assert.deepEqual(pageSizesOf('2048'), [2_048]);
    assert.deepEqual(pageSizesOf('4'), []);
    assert.equal(pageSizesOf('huge'), undefined);
  });
});

describe('a pipeline', () => {
  const build = (filters: object[], weighers: object[] = []) =>
    buildPipeline('p', {
      schedulingDomain: 'nova',
      type: 'filter-weigher',
      filters: filters as { name: string }[],
      weighers: weighers as { name: string }[],
    });
  const messages: [filters: object[], message: RegExp][] = [
    [[{ name: 'filter_nothing' }], /There is no filter filter_nothing/],
    [[{ name: 'filter_correct_az' }, { name: 'filter_correct_az' }], /is there twice/],
    [
      [{ name: 'filter_correct_az', params: [{ key: 'x', boolValue: true }] }],
      /filter_correct_az has no parameter x/,
    ],
    [
      [{ name: 'filter_correct_az', params: [{ key: 'constructor', boolValue: true }] }],
      /has no parameter constructor/,
    ],
    [
      [{ name: 'filter_exclude_hosts', params: [{ key: 'excludedHosts', stringValue: 'a' }] }],
      /excludedHosts is given as stringListValue/,
    ],
    [[{ name: 'filter_external_customer' }], /needs domainNamePrefixes/],
  ];

  test('that is wrong is refused when it is built', () => {
    for (const [filters, message] of messages) {
      const pipeline = build(filters);
      assert.match('message' in pipeline ? pipeline.message : '', message);
    }
    assert.ok('message' in build([], [{ name: 'kvm_nothing' }]));
  });
});
