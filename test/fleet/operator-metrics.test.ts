// The metrics of a running operator: its resources as they are now, and what its controllers do.
import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { fault, isFault } from '#contracts/common/fault.ts';
import { hypervisors, nodes } from '#contracts/kube/kinds.ts';
import { fleetServer } from '#openstack/clients/fleet-server.testing.ts';
import { eventually } from '#platform/testing/eventually.ts';
import type { TestFleet } from './fleet.testing.ts';
import { startTestFleet } from './fleet.testing.ts';

describe('the metrics of the operator', () => {
  let fleet: TestFleet;
  afterEach(async () => await fleet.close());

  /** Lines of the text with all of these parts. */
  const lines = async (...parts: string[]): Promise<string[]> =>
    (await fleet.metrics().text())
      .split('\n')
      .filter((line) => !line.startsWith('#') && parts.every((part) => line.includes(part)));
  const shows = async (value: string, ...parts: string[]): Promise<void> =>
    void (await eventually(
      async () => (await lines(...parts)).some((line) => line.endsWith(`} ${value}`)),
      { withinMs: 15_000, what: `${parts.join()} is ${value}` },
    ));

  it('follow a hypervisor from its onboarding through an eviction until it is gone', async () => {
    fleet = await startTestFleet(['h1', 'h2']);
    for (const name of ['h1', 'h2']) await fleet.addNode(name, 'skip-tests');
    await shows('1', 'hypervisor_condition{', 'condition="Ready",reason="Ready"', 'name="h1"');
    await shows('1', 'hypervisor_lifecycle_enabled{', 'name="h1"', 'zone="az1"');
    fleet.nova.servers.set('vm1', fleetServer('vm1', 'h1'));
    fleet.nova.refuse = () => 'on purpose';
    const spec = { maintenance: 'manual', maintenanceReason: 'a disk' };
    assert.ok(!isFault(await fleet.kube.patch(hypervisors, { name: 'h1' }, { spec })));
    await shows('1', 'eviction_info{hypervisor="h1"', 'name="h1"');
    await shows('1', 'eviction_condition{condition="Evicting",reason="Running",name="h1"}');
    await shows('0', 'hypervisor_evicted{', 'name="h1"', 'maintenance="manual"');
    assert.ok(!isFault(await fleet.kube.remove(nodes, { name: 'h2' })));
    assert.ok(!isFault(await fleet.kube.remove(hypervisors, { name: 'h2' })));
    await eventually(async () => (await lines('hypervisor_', 'name="h2"')).length === 0, {
      withinMs: 15_000,
      what: 'a hypervisor that is gone has no metrics',
    });
  });

  it('count the looks of each controller by its name, and their errors', async () => {
    fleet = await startTestFleet(['h1']);
    await fleet.addNode('h1', 'skip-tests');
    await shows('1', 'hypervisor_condition{', 'condition="Ready",reason="Ready"');
    const counted = await lines('controller_runtime_reconcile_total{', 'result="success"');
    const controllers = counted.flatMap((line) => /controller="(\w+)"/.exec(line)?.[1] ?? []);
    assert.deepEqual(controllers.sort(), [
      'HypervisorMaintenance',
      'HypervisorTaint',
      'aggregates',
      'eviction',
      'hypervisor',
      'maintenance',
      'offboarding',
      'onboarding',
      'ready',
      'traits',
    ]);
    const [looks = ''] = await lines('reconcile_total{controller="ready",result="success"}');
    assert.ok(Number(looks.split(' ')[1]) > 0, looks);
    await shows(
      '0',
      'controller_runtime_reconcile_errors_total{controller="HypervisorMaintenance"}',
    );
    fleet.nova.disableService = async () => fault('unavailable', 'on purpose');
    const spec = { maintenance: 'manual', maintenanceReason: 'a disk' };
    assert.ok(!isFault(await fleet.kube.patch(hypervisors, { name: 'h1' }, { spec })));
    await eventually(
      async () => {
        const [line = ''] = await lines(
          'reconcile_errors_total{controller="HypervisorMaintenance"}',
        );
        return Number(line.split(' ')[1]) > 0;
      },
      { withinMs: 15_000, what: 'the failed looks are counted' },
    );
  });
});
