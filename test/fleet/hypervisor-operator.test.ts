// The Hypervisor Operator on our Kubernetes API server: Nodes join, hosts are tested, emptied and
// returned to service.
import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { isFault } from '#contracts/common/fault.ts';
import { events, evictions, hypervisors } from '#contracts/kube/kinds.ts';
import { fleetServer } from '#openstack/clients/fleet-server.testing.ts';
import { eventually } from '#platform/testing/eventually.ts';
import type { TestFleet } from './fleet.testing.ts';
import { startTestFleet } from './fleet.testing.ts';

describe('the hypervisor operator', () => {
  let fleet: TestFleet;
  afterEach(async () => await fleet.close());

  const joined = async (...names: string[]): Promise<void> => {
    for (const name of names) await fleet.addNode(name, 'skip-tests');
    for (const name of names) await fleet.reaches(name, 'Ready', 'Ready');
  };
  const maintain = async (name: string, maintenance: string): Promise<void> => {
    const spec = { maintenance, maintenanceReason: maintenance && 'a disk' };
    const patched = await fleet.kube.patch(hypervisors, { name }, { spec });
    assert.ok(!isFault(patched), JSON.stringify(patched));
  };

  /** The reason why an eviction does not begin. */
  const refusal = async (name: string): Promise<string> =>
    await eventually(
      async () => {
        const eviction = await fleet.kube.get(evictions, { name });
        const checks = isFault(eviction) ? undefined : eviction.status?.conditions;
        const preflight = checks?.find(({ type }) => type === 'PreflightChecksSucceeded');
        const isCapacity = preflight?.message !== 'hypervisor not disabled';
        return preflight?.status === 'False' && isCapacity ? preflight.message : undefined;
      },
      { withinMs: 10_000, what: `the eviction of ${name} says why it waits` },
    );

  it('a node that joins becomes a hypervisor with its labels, and is ready', async () => {
    fleet = await startTestFleet(['h1']);
    await joined('h1');
    const { metadata, spec, status } = await fleet.hypervisor('h1');
    assert.equal(metadata.labels?.['topology.kubernetes.io/zone'], 'az1');
    assert.equal(metadata.ownerReferences?.[0]?.kind, 'Node');
    assert.equal(spec.skipTests, true);
    assert.equal(status?.hypervisorId, 'hypervisor-h1');
    assert.equal(status?.serviceId, 'service-h1');
  });

  it('tells what it does to a hypervisor and an eviction, as events', async () => {
    fleet = await startTestFleet(['h1', 'h2']);
    fleet.nova.servers.set('vm1', fleetServer('vm1', 'h1'));
    await joined('h1', 'h2');
    await maintain('h1', 'manual');
    await fleet.reaches('h1', 'Evicting', 'Succeeded');
    const { metadata } = await fleet.hypervisor('h1');
    const messagesOf = async (fieldSelector: string): Promise<string[]> => {
      const found = await fleet.kube.list(events, { namespace: 'default', fieldSelector });
      assert.ok(!isFault(found));
      return found.map(({ type, reason }) => `${type} ${reason}`).sort();
    };
    await eventually(
      async () =>
        (await messagesOf(`involvedObject.uid=${metadata.uid}`)).includes(
          'Normal EvictingSucceeded',
        ),
      { withinMs: 5_000, what: 'the end of the eviction is told' },
    );
    const ofHypervisor = await messagesOf(`involvedObject.name=h1,involvedObject.kind=Hypervisor`);
    for (const each of ['OnboardingSucceeded', 'HypervisorDisabledSucceeded', 'Ready'])
      assert.ok(ofHypervisor.includes(`Normal ${each}`), `${each}: ${ofHypervisor.join()}`);
    const ofEviction = await messagesOf(`involvedObject.name=h1,involvedObject.kind=Eviction`);
    for (const each of ['Normal Moving', 'Normal EvictingSucceeded'])
      assert.ok(ofEviction.includes(each), `${each}: ${ofEviction.join()}`);
  });

  it('a new host is kept from tenants until a machine of its own has booted there', async () => {
    fleet = await startTestFleet(['h1']);
    let isBooted = false;
    fleet.nova.console = ({ name }) => (isBooted ? `${name} login:` : 'booting');
    await fleet.addNode('h1', 'true');
    await fleet.reaches('h1', 'Onboarding', 'Testing');
    assert.equal(fleet.nova.hosts.get('h1')?.status, 'disabled');
    assert.equal((await fleet.reaches('h1', 'Ready', 'Onboarding')).status, 'False');
    isBooted = true;
    await fleet.reaches('h1', 'Ready', 'Ready');
    assert.equal(fleet.nova.hosts.get('h1')?.status, 'enabled');
    assert.equal(fleet.nova.servers.size, 0, 'the test machine is gone');
  });

  it('a host on which no machine boots ends as failed, disabled, with the reason', async () => {
    fleet = await startTestFleet(['h1'], { testAttempts: 2 });
    const create = fleet.nova.createOn;
    fleet.nova.createOn = async (wanted) => {
      const creation = await create(wanted);
      for (const server of fleet.nova.servers.values()) {
        server.status = 'ERROR';
        server.fault = { message: 'OVN does not plug the port' };
      }
      return creation;
    };
    await fleet.addNode('h1', 'true');
    const { status, message } = await fleet.reaches('h1', 'Onboarding', 'Failed');
    assert.equal(status, 'False');
    assert.match(message, /2 test machines failed; the last one: OVN does not plug the port/);
    await fleet.reaches('h1', 'Ready', 'Failed');
    assert.equal(fleet.nova.hosts.get('h1')?.status, 'disabled');
    assert.equal(fleet.nova.servers.size, 0);
  });

  it('maintenance empties the host, and its end brings it back', async () => {
    fleet = await startTestFleet(['h1', 'h2']);
    await joined('h1', 'h2');
    for (const id of ['a', 'b', 'c']) fleet.nova.servers.set(id, fleetServer(id, 'h1'));
    fleet.nova.servers.set(
      'off',
      fleetServer('off', 'h1', { status: 'SHUTOFF', 'OS-EXT-STS:power_state': 4 }),
    );
    await maintain('h1', 'manual');
    await fleet.reaches('h1', 'Ready', 'Evicted');
    assert.deepEqual(
      [...fleet.nova.servers.values()].map((server) => server['OS-EXT-SRV-ATTR:host']),
      ['h2', 'h2', 'h2', 'h2'],
    );
    assert.ok(fleet.nova.calls.includes('migrate off'), 'one that does not run moves cold');
    assert.ok(
      fleet.nova.calls.indexOf('disabled service-h1') < fleet.nova.calls.indexOf('liveMigrate a'),
      'nothing new comes to a host that is being emptied',
    );
    assert.equal((await fleet.hypervisor('h1')).status?.evicted, true);
    await maintain('h1', '');
    await fleet.reaches('h1', 'Ready', 'Ready');
    assert.equal(fleet.nova.hosts.get('h1')?.status, 'enabled');
    assert.ok(isFault(await fleet.kube.get(evictions, { name: 'h1' })), 'its eviction is gone');
  });

  it('an eviction that cannot move a machine fails with its name and the reason', async () => {
    fleet = await startTestFleet(['h1', 'h2'], { evictionAttempts: 1 });
    await joined('h1', 'h2');
    fleet.nova.servers.set('a', fleetServer('a', 'h1'));
    fleet.nova.servers.set('pinned', fleetServer('pinned', 'h1'));
    fleet.nova.refuse = ({ id }) => (id === 'pinned' ? 'No valid host was found.' : undefined);
    await maintain('h1', 'auto');
    const { status, message } = await fleet.reaches('h1', 'Evicting', 'Failed');
    assert.equal(status, 'False');
    assert.match(
      message,
      /1 virtual machine cannot be moved off h1: pinned \(pinned\): tried 1 times: No valid host/,
    );
    assert.equal(
      (await fleet.hypervisor('h1')).status?.evicted,
      false,
      'it is not told as emptied',
    );
    await fleet.reaches('h1', 'Ready', 'Maintenance');
    assert.equal(fleet.nova.servers.get('a')?.['OS-EXT-SRV-ATTR:host'], 'h2');
  });

  it('a machine never moves to a host that is being emptied itself', async () => {
    fleet = await startTestFleet(['h1', 'h2']);
    await joined('h1', 'h2');
    fleet.nova.servers.set('a', fleetServer('a', 'h1'));
    await maintain('h2', 'manual');
    await fleet.reaches('h2', 'Ready', 'Evicted');
    await maintain('h1', 'manual');
    assert.match(await refusal('h1'), /a \(a\): no other host takes servers now/);
    assert.ok(!fleet.nova.calls.includes('liveMigrate a'));
    // When the other host is back, the eviction begins by itself.
    await maintain('h2', '');
    await fleet.reaches('h1', 'Ready', 'Evicted');
    assert.equal(fleet.nova.servers.get('a')?.['OS-EXT-SRV-ATTR:host'], 'h2');
  });

  it('moves nothing while one machine fits nowhere, says which, and ends at its deadline', async () => {
    fleet = await startTestFleet(['h1', 'h2'], { evictionTimeoutMs: 2_000 });
    await joined('h1', 'h2');
    const large = { flavor: { ram: 4096, vcpus: 2 } };
    fleet.nova.servers.set('small', fleetServer('small', 'h1'));
    fleet.nova.servers.set('large', fleetServer('large', 'h1', large));
    fleet.placement.memoryMib.set('hypervisor-h2', 1024);
    await maintain('h1', 'manual');
    assert.match(
      await refusal('h1'),
      /^1 of its servers fit nowhere: large \(large\): no other host .*: 2 VCPU, 4096 MEMORY_MB$/,
    );
    const { message } = await fleet.reaches('h1', 'Evicting', 'Failed');
    assert.match(message, /It could not begin: 1 of its servers fit nowhere: large/);
    assert.ok(!fleet.nova.calls.some((call) => /migrate/i.test(call)));
    assert.equal((await fleet.hypervisor('h1')).status?.evicted, false);
  });

  it('an operator that starts anew goes on where the last one ended', async () => {
    fleet = await startTestFleet(['h1', 'h2']);
    await joined('h1', 'h2');
    fleet.nova.servers.set('a', fleetServer('a', 'h1'));
    fleet.nova.refuse = () => 'not now';
    await maintain('h1', 'manual');
    await eventually(() => fleet.nova.calls.includes('liveMigrate a'), {
      withinMs: 10_000,
      what: 'it was tried',
    });
    await fleet.restartOperator();
    fleet.nova.refuse = () => undefined;
    await fleet.reaches('h1', 'Ready', 'Evicted');
  });
});
