// The Hypervisor's status, derived from what the host reports.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Hypervisor } from '#contracts/kube/kinds.ts';
import type { CellFacts, GuestFacts, HypervisorFacts } from '#ports/node-facts.ts';
import { capacityStatus } from './capacity.ts';
import { connectionCondition, isUpToDate, ownStatus, unitConditions } from './hypervisor-status.ts';

const gib = 1024 ** 3;
const cell = (id: number): CellFacts => ({ id, cpus: 4, memoryBytes: 8 * gib, hugePages: [] });
const guest = (fields: Partial<GuestFacts> = {}): GuestFacts => ({
  uuid: 'u',
  name: 'instance-1',
  isActive: true,
  vcpus: 2,
  memoryBytes: gib,
  cells: [],
  hugePageBytes: null,
  ...fields,
});
const facts: HypervisorFacts = {
  libvirtVersion: '9.0.0',
  hypervisorVersion: '7.2.19',
  cpuArch: 'x86_64',
  cells: [cell(1), cell(0)],
  domain: {
    arch: 'x86_64',
    hypervisorType: 'kvm',
    devices: ['disk'],
    cpuModes: ['mode/custom'],
    features: [],
  },
};
const hypervisor = (status?: Hypervisor['status']): Hypervisor => ({
  apiVersion: 'kvm.cloud.sap/v1',
  kind: 'Hypervisor',
  metadata: { name: 'h1' },
  spec: {},
  ...(status ? { status } : {}),
});

test('a guest without pinning counts in equal shares on all NUMA cells, a pinned one on its own cell', () => {
  const { allocation, cells } = capacityStatus(
    [cell(1), cell(0)],
    [guest({ vcpus: 3 }), guest({ cells: [1] })],
  );
  assert.deepEqual(allocation, { cpu: '5', memory: '2Gi' });
  assert.deepEqual(
    cells?.map((each) => [each.cellID, each.allocation]),
    [
      [0, { cpu: '1500m', memory: '512Mi' }],
      [1, { cpu: '3500m', memory: '1536Mi' }],
    ],
  );
});

test('a guest that is pinned to a cell that does not exist is counted all the same', () => {
  const { allocation } = capacityStatus([cell(0)], [guest({ cells: [7] })]);
  assert.deepEqual(allocation, { cpu: '2', memory: '1Gi' });
});

test('overcommit makes more of CPUs and memory, and whole numbers', () => {
  const { capacity, effectiveCapacity } = capacityStatus([cell(0)], [], { cpu: 1.3, memory: 1.5 });
  assert.deepEqual(capacity, { cpu: '4', memory: '8Gi' });
  assert.deepEqual(effectiveCapacity, { cpu: '5', memory: '12Gi' });
});

test('huge pages are counted where there are any', () => {
  const pages = [{ sizeBytes: 2 * 1024 ** 2, count: 1024 }];
  const { capacity, allocation } = capacityStatus(
    [{ ...cell(0), hugePages: pages }],
    [guest({ hugePageBytes: 0 }), guest()],
    { cpu: 2 },
  );
  assert.equal(capacity?.['hugepages-2Mi'], '2Gi');
  assert.equal(allocation?.['hugepages-2Mi'], '1Gi');
});

test('facts that cannot be read at present keep their last value in the status', () => {
  const all = ownStatus(hypervisor(), {
    system: { kernelRelease: '6.1', prettyName: 'Debian' },
    hypervisor: facts,
    guests: [guest()],
  });
  assert.equal(all.capabilities?.memory, '16Gi');
  assert.equal(all.capabilities?.cpus, '8');
  assert.deepEqual(all.instances, [{ id: 'u', name: 'instance-1', active: true }]);
  const blind = ownStatus(hypervisor(all), {
    system: { kernelRelease: '6.2' },
    hypervisor: undefined,
    guests: undefined,
  });
  assert.deepEqual(blind, { ...all, operatingSystem: { kernelRelease: '6.2' } });
});

test('fields and conditions of others are not its own', () => {
  const status = ownStatus(hypervisor({ hypervisorId: 'x', internalIp: '1', traits: ['A'] }), {
    system: undefined,
    hypervisor: undefined,
    guests: [],
  });
  assert.deepEqual(status, { numInstances: 0, instances: [] });
});

test('a host with very many guests counts all, and lists some', () => {
  const guests = Array.from({ length: 3_000 }, () => guest({ name: 'n'.repeat(1_000) }));
  const status = ownStatus(hypervisor(), { system: undefined, hypervisor: facts, guests });
  assert.equal(status.numInstances, 3_000);
  assert.equal(status.instances?.length, 2_000);
  assert.equal(status.instances?.[0]?.name.length, 256);
});

test('a status without differences needs no write', () => {
  const units = [{ unit: 'libvirtd.service', isRunning: true, message: 'the process runs' }];
  const conditions = [...unitConditions(units), connectionCondition({ kind: 'connected' }, units)];
  const observed = { system: undefined, hypervisor: facts, guests: [guest()] };
  const current = hypervisor({
    ...ownStatus(hypervisor(), observed),
    conditions: conditions.map((each) => ({ ...each, lastTransitionTime: '2026-01-01T00:00:00Z' })),
  });
  assert.equal(isUpToDate(current, ownStatus(current, observed), conditions), true);
  const more = { ...observed, guests: [guest(), guest({ uuid: 'v' })] };
  assert.equal(isUpToDate(current, ownStatus(current, more), conditions), false);
  const away = connectionCondition({ kind: 'away', why: 'x' }, units);
  assert.equal(isUpToDate(current, ownStatus(current, observed), [away]), false);
});

test('the reason says whether libvirt is down, cannot be reached, or is not understood', () => {
  const unit = (isRunning: boolean) => [
    { unit: 'libvirtd.service', isRunning, message: 'no process libvirtd' },
  ];
  const reason = (...[connection, units]: Parameters<typeof connectionCondition>) =>
    connectionCondition(connection, units).reason;
  assert.equal(reason({ kind: 'away', why: '' }, unit(false)), 'LibVirtServiceNotRunning');
  assert.equal(reason({ kind: 'away', why: '' }, unit(true)), 'ConnectFailed');
  assert.equal(reason({ kind: 'unreadable', why: '' }, unit(true)), 'ProcessFailed');
  assert.deepEqual(unitConditions(unit(false))[0], {
    type: 'libvirtd.service',
    status: 'False',
    reason: 'Stopped',
    message: 'libvirtd.service: no process libvirtd',
  });
});
