// The operator on our Kubernetes API server: hosts that leave, and the aggregates and traits that a
// Hypervisor's spec requires.
import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { isFault } from '#contracts/common/fault.ts';
import { evictions, hypervisors, nodes, pods } from '#contracts/kube/kinds.ts';
import { fleetServer } from '#openstack/clients/fleet-server.testing.ts';
import { eventually } from '#platform/testing/eventually.ts';
import type { TestFleet } from './fleet.testing.ts';
import { startTestFleet } from './fleet.testing.ts';

describe('hosts that leave, aggregates and traits', () => {
  let fleet: TestFleet;
  afterEach(async () => await fleet.close());

  const joined = async (...names: string[]): Promise<void> => {
    for (const name of names) await fleet.addNode(name, 'skip-tests');
    for (const name of names) await fleet.reaches(name, 'Ready', 'Ready');
  };
  const change = async (name: string, spec: object): Promise<void> => {
    const patched = await fleet.kube.patch(hypervisors, { name }, { spec });
    assert.ok(!isFault(patched), JSON.stringify(patched));
  };
  const aggregate = (id: number, name: string, ...hosts: string[]): void =>
    void fleet.nova.aggregateList.push({ id, uuid: `uuid-${name}`, name, hosts, metadata: {} });

  it('termination empties a host and takes it out of OpenStack, each part of it', async () => {
    fleet = await startTestFleet(['h1', 'h2']);
    aggregate(1, 'ssd', 'h1', 'h2');
    fleet.nova.servers.set('a', fleetServer('a', 'h1'));
    fleet.placement.claims.set('hypervisor-h1', ['a-server-that-is-gone']);
    await joined('h1', 'h2');
    await change('h1', { maintenance: 'termination' });
    await fleet.reaches('h1', 'Offboarded', 'Offboarded');
    assert.equal(fleet.nova.servers.get('a')?.['OS-EXT-SRV-ATTR:host'], 'h2');
    assert.ok(!fleet.nova.hosts.has('h1'), 'its compute service is gone');
    assert.ok(!fleet.placement.claims.has('hypervisor-h1'), 'its provider is gone');
    assert.deepEqual(
      fleet.nova.aggregateList.map(({ hosts }) => hosts),
      [['h2']],
    );
    assert.deepEqual(
      fleet.network.agents.map(({ host }) => host),
      ['h2'],
    );
    const { calls } = fleet.nova;
    assert.ok(calls.indexOf('liveMigrate a') < calls.indexOf('delete service-h1'));
    await fleet.reaches('h1', 'Ready', 'Offboarded');
    const node = await fleet.kube.get(nodes, { name: 'h1' });
    assert.ok(!isFault(node));
    assert.deepEqual(node.spec?.taints, [
      { key: 'kvm.cloud.sap/offboarding', effect: 'NoExecute' },
    ]);
  });

  it('a node that is deleted or says that it terminates is offboarded by itself', async () => {
    fleet = await startTestFleet(['h1', 'h2']);
    await joined('h1', 'h2');
    const conditions = [
      { type: 'Terminating', status: 'True', reason: 'x', message: '', lastTransitionTime: '' },
    ];
    const patch = await fleet.kube.patch(
      nodes,
      { name: 'h1' },
      { status: { conditions } },
      { subresource: 'status' },
    );
    assert.ok(!isFault(patch), JSON.stringify(patch));
    await fleet.reaches('h1', 'Offboarded', 'Offboarded');
    assert.equal((await fleet.hypervisor('h1')).spec.maintenance, 'termination');
  });

  it('a host whose eviction failed is never offboarded, and says why', async () => {
    fleet = await startTestFleet(['h1', 'h2'], { evictionAttempts: 1 });
    await joined('h1', 'h2');
    fleet.nova.servers.set('a', fleetServer('a', 'h1'));
    fleet.nova.refuse = () => 'No valid host was found.';
    await change('h1', { maintenance: 'termination' });
    await fleet.reaches('h1', 'Evicting', 'Failed');
    await eventually(
      async () =>
        (await fleet.reaches('h1', 'Offboarded', 'Offboarding')).message.includes(
          'ended without emptying the host',
        ),
      { withinMs: 10_000, what: 'the condition says what is waited for' },
    );
    assert.ok(fleet.nova.hosts.has('h1'));
    // An operator removes the cause and deletes the eviction: offboarding goes on by itself.
    fleet.nova.refuse = () => undefined;
    assert.ok(!isFault(await fleet.kube.remove(evictions, { name: 'h1' })));
    await fleet.reaches('h1', 'Offboarded', 'Offboarded');
  });

  it('waits for the pods of agents that do not tolerate the taint', async () => {
    fleet = await startTestFleet(['h1'], { agentNamespaces: ['agents'] });
    await joined('h1');
    const namespace = { group: '', version: 'v1', kind: 'Namespace', plural: 'namespaces' };
    const creation = await fleet.kube.create(
      { ...namespace, namespaced: false },
      { metadata: { name: 'agents' } },
    );
    assert.ok(!isFault(creation));
    const pod = { name: 'nova-agent', namespace: 'agents' };
    const spec = { nodeName: 'h1', containers: [{ name: 'a', image: 'a' }] };
    const begun = await fleet.kube.create(pods, { metadata: pod, spec });
    assert.ok(!isFault(begun), JSON.stringify(begun));
    await change('h1', { maintenance: 'termination' });
    const { message } = await fleet.reaches('h1', 'AgentPodsEvicted', 'AgentPodsRunning');
    assert.equal(message, '1 agent pod(s) still running on node: agents/nova-agent');
    assert.ok(fleet.nova.hosts.has('h1'));
    assert.ok(!isFault(await fleet.kube.remove(pods, pod)));
    await fleet.reaches('h1', 'Offboarded', 'Offboarded');
  });

  it('an agent that is started anew does not bring its host back', async () => {
    fleet = await startTestFleet(['h1', 'h2']);
    await joined('h1', 'h2');
    const host = structuredClone(fleet.nova.hosts.get('h1'));
    assert.ok(host);
    await change('h1', { maintenance: 'termination' });
    await fleet.reaches('h1', 'Offboarded', 'Offboarded');
    fleet.nova.hosts.set('h1', {
      ...host,
      id: 'hypervisor-h1-again',
      service: { ...host.service, id: 'service-h1-again' },
      status: 'enabled',
    });
    await fleet.restartOperator();
    await eventually(() => !fleet.nova.hosts.has('h1'), {
      withinMs: 10_000,
      what: 'it is taken out again',
    });
    const { calls } = fleet.nova;
    assert.ok(
      calls.indexOf('disabled service-h1-again') < calls.indexOf('delete service-h1-again'),
    );
  });

  it('custom traits are set beside those of others, and only its own are taken away', async () => {
    fleet = await startTestFleet(['h1']);
    fleet.placement.traitsOf.set('hypervisor-h1', ['CUSTOM_OF_ANOTHER', 'HW_CPU_X86_AVX']);
    for (const trait of ['CUSTOM_OF_ANOTHER']) fleet.placement.knownTraits.add(trait);
    await joined('h1');
    await fleet.reaches('h1', 'TraitsUpdated', 'Succeeded');
    const traits = async (): Promise<string[]> =>
      fleet.placement.traitsOf.get('hypervisor-h1') ?? [];
    const become = async (...wanted: string[]): Promise<void> =>
      void (await eventually(async () => (await traits()).join() === wanted.join(), {
        withinMs: 10_000,
        what: `the traits are ${wanted.join()}`,
      }));
    await change('h1', { customTraits: ['CUSTOM_B', 'CUSTOM_A'] });
    await become('CUSTOM_A', 'CUSTOM_B', 'CUSTOM_OF_ANOTHER', 'HW_CPU_X86_AVX');
    await change('h1', { customTraits: ['CUSTOM_B'] });
    await become('CUSTOM_B', 'CUSTOM_OF_ANOTHER', 'HW_CPU_X86_AVX');
    await change('h1', { customTraits: [] });
    await become('CUSTOM_OF_ANOTHER', 'HW_CPU_X86_AVX');
  });

  it('a host is in the aggregates that its spec names, added before it leaves another', async () => {
    fleet = await startTestFleet(['h1']);
    aggregate(1, 'az1');
    aggregate(2, 'ssd');
    aggregate(3, 'by-hand', 'h1');
    await joined('h1');
    await change('h1', { aggregates: ['az1', 'nowhere'] });
    const { message } = await fleet.reaches('h1', 'AggregatesUpdated', 'Failed');
    assert.equal(message, 'Nova has no aggregate named nowhere');
    await change('h1', { aggregates: ['az1'] });
    await fleet.reaches('h1', 'AggregatesUpdated', 'Succeeded');
    await change('h1', { aggregates: ['ssd'] });
    await eventually(() => fleet.nova.calls.includes('remove h1 az1'), {
      withinMs: 10_000,
      what: 'it left',
    });
    const { calls } = fleet.nova;
    assert.ok(calls.indexOf('add h1 ssd') < calls.indexOf('remove h1 az1'));
    assert.ok(!calls.includes('remove h1 by-hand'), 'what somebody else did stays');
    await eventually(
      async () => (await fleet.hypervisor('h1')).status?.aggregates?.[0]?.uuid === 'uuid-ssd',
      { withinMs: 5_000, what: 'the status shows it' },
    );
  });
});
