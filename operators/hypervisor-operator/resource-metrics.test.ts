// The metrics of Hypervisors and Evictions by the names, labels and values of CobaltCore's
// configuration of kube-state-metrics.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Eviction, Hypervisor } from '#contracts/kube/kinds.ts';
import type { Condition } from '#contracts/kube/object.ts';
import { createMetrics } from '#platform/metrics/metrics.ts';
import { exposeResources } from './resource-metrics.ts';

const condition = (type: string, status: Condition['status'], reason: string): Condition => ({
  type,
  status,
  reason,
  message: '',
  lastTransitionTime: '2026-01-01T00:00:00Z',
});

const hypervisor = (name: string, status: Hypervisor['status'] = {}): Hypervisor => ({
  apiVersion: 'kvm.cloud.sap/v1',
  kind: 'Hypervisor',
  metadata: {
    name,
    labels: {
      'topology.kubernetes.io/zone': 'az1',
      'kubernetes.metal.cloud.sap/bb': 'bb1',
      'worker.garden.sapcloud.io/group': 'group1',
    },
  },
  spec: { lifecycleEnabled: true, highAvailability: false, maintenance: 'manual' },
  status,
});

const eviction: Eviction = {
  apiVersion: 'kvm.cloud.sap/v1',
  kind: 'Eviction',
  metadata: { name: 'h1' },
  spec: { hypervisor: 'h1', reason: 'a "new" disk' },
  status: { outstandingRamMb: 2048, conditions: [condition('Evicting', 'True', 'Running')] },
};

async function linesOf(hypervisors: Hypervisor[], evictions: Eviction[]): Promise<string[]> {
  const metrics = createMetrics();
  exposeResources(metrics, {
    hypervisors: { list: () => hypervisors },
    evictions: { list: () => evictions },
  });
  return (await metrics.text()).split('\n').filter((line) => line.startsWith('kube_'));
}

describe('the metrics of resources', () => {
  it('tell all of a hypervisor', async () => {
    const labels =
      'name="h1",zone="az1",building_block="bb1",worker_group="group1",maintenance="manual"';
    const status: Hypervisor['status'] = {
      hypervisorVersion: '9.2.0',
      libVirtVersion: '11.0.0',
      operatingSystem: { hardwareModel: 'R750', prettyVersion: 'Garden Linux 1877' },
      numInstances: 3,
      evicted: true,
      capabilities: { cpus: '64' },
      conditions: [
        condition('Ready', 'False', 'Evicting'),
        condition('HaEnabled', 'Unknown', 'Failed'),
        condition('Evicting', 'True', 'Running'),
      ],
    };
    assert.deepEqual(await linesOf([hypervisor('h1', status)], []), [
      `kube_customresource_hypervisor_info{hypervisor_version="9.2.0",libvirt_version="11.0.0",hardware_model="R750",os_version="Garden Linux 1877",${labels}} 1`,
      `kube_customresource_hypervisor_num_instances{${labels}} 3`,
      `kube_customresource_hypervisor_evicted{${labels}} 1`,
      `kube_customresource_hypervisor_condition{condition="Ready",reason="Evicting",${labels}} 0`,
      `kube_customresource_hypervisor_condition{condition="HaEnabled",reason="Failed",${labels}} 0`,
      `kube_customresource_hypervisor_condition{condition="Evicting",reason="Running",${labels}} 1`,
      `kube_customresource_hypervisor_capability_cpus{${labels}} 64`,
      `kube_customresource_hypervisor_lifecycle_enabled{${labels}} 1`,
      `kube_customresource_hypervisor_high_availability{${labels}} 0`,
    ]);
  });

  it('are 0 for what a hypervisor does not say yet', async () => {
    const lines = await linesOf([hypervisor('h1')], []);
    const valueOf = (name: string): string | undefined =>
      lines.find((line) => line.startsWith(`kube_customresource_${name}{`))?.split('} ')[1];
    assert.deepEqual(
      ['num_instances', 'evicted', 'capability_cpus', 'condition'].map((name) =>
        valueOf(`hypervisor_${name}`),
      ),
      ['0', '0', '0', undefined],
    );
  });

  it('tell all of an eviction', async () => {
    assert.deepEqual(await linesOf([], [eviction]), [
      'kube_customresource_eviction_info{hypervisor="h1",reason="a \\"new\\" disk",name="h1"} 1',
      'kube_customresource_eviction_outstanding_ram_mb{name="h1"} 2048',
      'kube_customresource_eviction_condition{condition="Evicting",reason="Running",name="h1"} 1',
    ]);
  });

  it('have no value where there is no object', async () => {
    assert.deepEqual(await linesOf([], []), []);
  });

  it('have each label that they are documented with, and no other', async () => {
    const metrics = createMetrics();
    const before = metrics.families.length;
    const status = { conditions: [condition('Ready', 'True', 'Ready')] };
    exposeResources(metrics, {
      hypervisors: { list: () => [hypervisor('h1', { ...full, ...status })] },
      evictions: { list: () => [eviction] },
    });
    const text = await metrics.text();
    const declared = metrics.families.slice(before);
    assert.equal(declared.length, 10);
    for (const { name, labelNames } of declared) {
      const labels = new RegExp(`^${name}\\{([^}]*)\\}`, 'm').exec(text)?.[1] ?? '';
      assert.deepEqual(
        [...labels.matchAll(/(\w+)=/g)].map(([, label]) => label).sort(),
        labelNames?.toSorted(),
        name,
      );
    }
  });
});

const full: Hypervisor['status'] = {
  hypervisorVersion: '9.2.0',
  libVirtVersion: '11.0.0',
  operatingSystem: { hardwareModel: 'R750', prettyVersion: 'Garden Linux 1877' },
};
