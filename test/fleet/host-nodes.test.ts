// Hosts of this machine that join and leave as their Nodes do: keep-fleet.ts beside the operator,
// on our Kubernetes API server. Steps that fail, or are interrupted by a crash, are repeated.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { hostLabel, numberAnnotation } from '#compose/fleet-nodes.ts';
import type { FleetHost } from '#compose/fleet-nodes.ts';
import type { FleetKeeperDeps } from '#compose/keep-fleet.ts';
import { keepFleet } from '#compose/keep-fleet.ts';
import { registerHosts, registerNode } from '#compose/register-hosts.ts';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import { hypervisors, nodes } from '#contracts/kube/kinds.ts';
import { systemClock } from '#platform/clock.ts';
import { silentLog } from '#platform/log.ts';
import { eventually } from '#platform/testing/eventually.ts';
import type { TestFleet } from './fleet.testing.ts';
import { startTestFleet } from './fleet.testing.ts';

describe('hosts by their nodes', () => {
  let fleet: TestFleet;
  let keeper: { stop(): Promise<void> };
  /** The hosts that are powered on, by name. */
  let on: Map<string, FleetHost>;
  /** The steps that the double of the hosts was asked for, in order, e.g. a start. */
  let steps: string[];
  /** Faults of the next calls, used up in order. */
  let troubles: string[];

  const step = (what: string): Outcome<void> => {
    steps.push(what);
    if (troubles[0] !== what) return undefined;
    troubles.shift();
    return fault('unavailable', `${what} fails`);
  };
  const must = (outcome: Outcome<void>): void => {
    if (isFault(outcome)) throw new Error(outcome.message);
  };
  const deps = (): FleetKeeperDeps => ({
    kube: fleet.kube,
    fleet: {
      has: (name) => on.has(name),
      hosts: () => [...on.values()],
      add(host) {
        if (host.name === 'impossible') return fault('conflict', 'it has no network');
        on.set(host.name, host);
        return step(`on ${host.name}`);
      },
      remove: async ({ name }) => {
        const outcome = step(`off ${name}`);
        if (!isFault(outcome)) on.delete(name);
        return outcome;
      },
    },
    bmcs: {
      add: async (name) => must(step(`bmc ${name}`)),
      remove: async (name) => must(step(`no bmc ${name}`)),
    },
    simulated: new Set(),
    clock: systemClock,
    log: silentLog,
  });
  const add = async (name: string): Promise<void> =>
    await registerNode(fleet.kube, { name, kind: 'local', zone: 'az1', isTested: false });
  const remove = async (name: string): Promise<void> =>
    must(await fleet.kube.remove(nodes, { name }));
  const nodeIsGone = async (name: string): Promise<void> =>
    void (await eventually(async () => isFault(await fleet.kube.get(nodes, { name })), {
      withinMs: 15_000,
      what: `the node ${name} is gone`,
    }));
  const isOn = async (name: string): Promise<void> =>
    void (await eventually(() => on.has(name), { withinMs: 5_000, what: `${name} is on` }));

  beforeEach(async () => {
    [on, steps, troubles] = [new Map(), [], []];
    fleet = await startTestFleet(['h1', 'h2', 'h7']);
    for (const host of await registerHosts(fleet.kube, 'az1', { local: 2, simulated: 0 }))
      on.set(host.name, host);
    keeper = await keepFleet(deps());
  });
  afterEach(async () => {
    await keeper.stop();
    await fleet.close();
  });

  it('up makes as many as it is told, and fits them to another number alone', async () => {
    const running = async (local: number): Promise<string[]> =>
      (await registerHosts(fleet.kube, 'az1', { local, simulated: 0 })).map(
        ({ name, number }) => `${name} ${number}`,
      );
    assert.deepEqual(await running(2), ['h1 1', 'h2 2']);
    await add('h7');
    assert.deepEqual(await running(2), ['h1 1', 'h2 2', 'h7 7'], 'one that was added stays');
    assert.deepEqual(await running(1), ['h1 1'], 'the others are parked');
    assert.deepEqual(await running(4), ['h1 1', 'h2 2', 'h3 3', 'h7 7']);
  });

  it('a node that is made is powered on with a number of its own', async () => {
    await add('edge');
    await isOn('edge');
    assert.equal(on.get('edge')?.number, 3, 'h1 and h2 have the first two');
    const node = await fleet.kube.get(nodes, { name: 'edge' });
    assert.ok(!isFault(node));
    assert.equal(node.metadata.annotations?.[numberAnnotation], '3');
    // A Node without our label must be left alone.
    const creation = await fleet.kube.create(nodes, { metadata: { name: 'foreign' } });
    assert.ok(!isFault(creation));
    await add('edge-2');
    await isOn('edge-2');
    assert.ok(!on.has('foreign'));
  });

  it('a Node whose host cannot be created shows the reason, and can be removed again', async () => {
    const saysWhy = async (name: string, why: RegExp): Promise<void> =>
      void (await eventually(
        async () => {
          const node = await fleet.kube.get(nodes, { name });
          return (
            !isFault(node) && node.status?.conditions?.some(({ message }) => why.test(message))
          );
        },
        { withinMs: 5_000, what: `the condition of ${name} tells` },
      ));
    await add('impossible');
    await saysWhy('impossible', /^it has no network$/);
    await add('a.b');
    await saysWhy('a.b', /^a\.b is no name of a host/);
    const twin = { name: 'twin', labels: { [hostLabel]: 'local' } };
    const annotations = { [numberAnnotation]: '1' };
    const creation = await fleet.kube.create(nodes, { metadata: { ...twin, annotations } });
    assert.ok(!isFault(creation));
    await saysWhy('twin', /^host h1 has its number, 1/);
    assert.deepEqual([...on.keys()].sort(), ['h1', 'h2']);
    await remove('a.b');
    await nodeIsGone('a.b');
    assert.ok(!steps.includes('off a.b'));
  });

  it('the host of a deleted Node is offboarded, then powered off, and the Node is deleted last', async () => {
    await fleet.reaches('h2', 'Ready', 'Ready');
    await remove('h2');
    await nodeIsGone('h2');
    assert.deepEqual(
      steps.filter((each) => each.endsWith(' h2')),
      ['no bmc h2', 'off h2'],
    );
    assert.ok(!fleet.nova.hosts.has('h2'));
    assert.deepEqual([...on.keys()], ['h1']);
    await eventually(async () => isFault(await fleet.kube.get(hypervisors, { name: 'h2' })), {
      withinMs: 5_000,
      what: 'its hypervisor is collected',
    });
  });

  for (const trouble of ['no bmc h2', 'off h2'])
    it(`a removal whose step "${trouble}" fails or dies goes on`, async () => {
      await fleet.reaches('h2', 'Ready', 'Ready');
      troubles = [trouble];
      await remove('h2');
      await eventually(() => troubles.length === 0, { withinMs: 10_000, what: 'it failed once' });
      // A restart of the process: the next one has none of its memory.
      await keeper.stop();
      on.clear();
      for (const host of await registerHosts(fleet.kube, 'az1', { local: 2, simulated: 0 }))
        on.set(host.name, host);
      assert.ok(!on.has('h2'), 'what has left OpenStack is not started again: it would come back');
      keeper = await keepFleet(deps());
      await nodeIsGone('h2');
      const left = await registerHosts(fleet.kube, 'az1', { local: 2, simulated: 0 });
      assert.deepEqual(
        left.map(({ name }) => name),
        ['h1'],
        'also after the next start',
      );
    });

  it('a node without our finalizer, or with another, is released without harm', async () => {
    await fleet.reaches('h1', 'Ready', 'Ready');
    const finalizers = ['cobaltcore.cloud.sap/host', 'example.com/other'];
    const patched = await fleet.kube.patch(nodes, { name: 'h1' }, { metadata: { finalizers } });
    assert.ok(!isFault(patched));
    await remove('h1');
    await eventually(
      async () => {
        const node = await fleet.kube.get(nodes, { name: 'h1' });
        return !isFault(node) && node.metadata.finalizers?.join() === 'example.com/other';
      },
      { withinMs: 15_000, what: 'ours alone is gone' },
    );
    assert.ok(!on.has('h1'));
    assert.equal(patched.metadata.labels?.[hostLabel], 'local');
  });
});
