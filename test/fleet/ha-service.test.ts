// The HA Service and Hypervisor resources on our Kubernetes API server: the resources switch HA off
// for a host, and show what the service has done.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { inProcessTransport } from '#adapters/kube/in-process-transport.ts';
import { createKubeClient } from '#adapters/kube/kube-client.ts';
import { installDefinitions } from '#compose/kubernetes.ts';
import { isFault } from '#contracts/common/fault.ts';
import type { Hypervisor } from '#contracts/kube/kinds.ts';
import { hypervisors } from '#contracts/kube/kinds.ts';
import { systemClock } from '#platform/clock.ts';
import { systemIds } from '#platform/ids.ts';
import type { Kube } from '#ports/kube.ts';
import type { Engine, TestFleet } from '#services/ha/engine/engine.testing.ts';
import { addServer, startTestFleet } from '#services/ha/engine/engine.testing.ts';
import { findHost } from '#services/ha/store/hosts.ts';
import { noteIncident } from '#services/ha/store/incidents.ts';
import { startTestApiserver } from '#services/kube-apiserver/api/apiserver.testing.ts';

describe('the Hypervisor of a host with HA', () => {
  let apiserver: Awaited<ReturnType<typeof startTestApiserver>>;
  let fleet: TestFleet;
  let engine: Engine;
  let kube: Kube;

  beforeEach(async () => {
    apiserver = await startTestApiserver();
    kube = kubeOf('ha-service');
    await installDefinitions(kube);
    for (const name of ['a', 'b', 'c']) {
      const creation = await kube.create(hypervisors, { metadata: { name }, spec: {} });
      assert.ok(!isFault(creation), JSON.stringify(creation));
    }
    fleet = await startTestFleet(['a', 'b', 'c']);
    fleet.kube = kube;
    engine = fleet.startEngine();
    await fleet.run(engine, 3);
  });
  afterEach(async () => {
    await fleet.close();
    await apiserver.close();
  });

  function kubeOf(name: string): Kube {
    const user = { name, groups: ['system:masters'] };
    const transport = inProcessTransport(apiserver.apiserver.handler, user, systemClock);
    return createKubeClient({ transport, clock: systemClock, ids: systemIds }, name);
  }
  const shown = async (name: string): Promise<Hypervisor> => {
    const found = await kube.get(hypervisors, { name });
    assert.ok(!isFault(found));
    return found;
  };
  const condition = async (name: string, type: string): Promise<string | undefined> => {
    const { status } = await shown(name);
    const found = status?.conditions?.find((each) => each.type === type);
    return found && `${found.status} ${found.reason} ${found.message}`;
  };

  it('says that HA is on, that the host is in its hands, and that it serves again', async () => {
    assert.equal(await condition('a', 'HaEnabled'), 'True Succeeded HA enabled');
    addServer(fleet, 'vm1', 'a');
    fleet.die('a');
    await fleet.reaches(engine, 'a', 'Recovered');
    assert.equal((await shown('a')).spec.maintenance, 'ha');
    assert.match((await condition('a', 'HypervisorDisabled')) ?? '', /^True Succeeded .*fenced/);
    const id = (await findHost(fleet.database.db, 'a'))?.incident_id ?? '';
    await noteIncident(fleet.database.db, id, { released: 1 });
    await fleet.reaches(engine, 'a', 'Healthy');
    assert.equal((await shown('a')).spec.maintenance, '');
    assert.equal(await condition('a', 'HypervisorDisabled'), 'False Succeeded Hypervisor enabled');
    assert.equal(await condition('a', 'HaEnabled'), 'True Succeeded HA enabled');
  });

  it('hands back a condition that was of the operator before, and leaves it to it', async () => {
    const operator = kubeOf('operator');
    const says = async (status: 'True' | 'False', message: string): Promise<void> => {
      const lastTransitionTime = '2026-11-30T00:00:00Z';
      const reason = { status, reason: 'Succeeded', message, lastTransitionTime };
      const conditions = [{ type: 'HypervisorDisabled', ...reason }];
      const written = await operator.apply(
        hypervisors,
        { metadata: { name: 'a' }, status: { conditions } },
        { subresource: 'status' },
      );
      assert.ok(!isFault(written), JSON.stringify(written));
    };
    await says('False', 'Hypervisor enabled');
    addServer(fleet, 'vm1', 'a');
    fleet.die('a');
    await fleet.reaches(engine, 'a', 'Recovered');
    assert.match((await condition('a', 'HypervisorDisabled')) ?? '', /^True Succeeded .*fenced/);
    const id = (await findHost(fleet.database.db, 'a'))?.incident_id ?? '';
    await noteIncident(fleet.database.db, id, { released: 1 });
    await fleet.reaches(engine, 'a', 'Healthy');
    assert.equal(await condition('a', 'HypervisorDisabled'), 'False Succeeded Hypervisor enabled');
    await says('True', 'for a repair');
    const spec = { highAvailability: false };
    assert.ok(!isFault(await kube.patch(hypervisors, { name: 'a' }, { spec })));
    await fleet.run(engine, 2);
    assert.equal(await condition('a', 'HaEnabled'), 'False Succeeded HA disabled per spec');
    assert.equal(await condition('a', 'HypervisorDisabled'), 'True Succeeded for a repair');
  });

  it('switches HA off, and says so', async () => {
    const spec = { highAvailability: false };
    assert.ok(!isFault(await kube.patch(hypervisors, { name: 'a' }, { spec })));
    await fleet.run(engine, 1);
    assert.equal(await condition('a', 'HaEnabled'), 'False Succeeded HA disabled per spec');
    addServer(fleet, 'vm1', 'a');
    Object.assign(fleet.hosts.get('a') ?? {}, { isHeard: false, isReached: false });
    await fleet.run(engine, 30);
    assert.equal(await fleet.state('a'), 'Healthy');
    assert.deepEqual(await fleet.bmcs.get('a')?.events(), []);
    assert.equal((await findHost(fleet.database.db, 'a'))?.reason, 'HA disabled per spec');
  });

  it('a host under eviction is left alone, a host without an Eviction is not', async () => {
    const status = { evicted: true };
    const written = await kube.patch(
      hypervisors,
      { name: 'a' },
      { status },
      { subresource: 'status' },
    );
    assert.ok(!isFault(written));
    await fleet.run(engine, 1);
    assert.match((await condition('a', 'HaEnabled')) ?? '', /^False Evicted/);
    await kube.remove(hypervisors, { name: 'b' });
    fleet.die('b');
    await fleet.reaches(engine, 'b', 'Recovered');
  });
});
