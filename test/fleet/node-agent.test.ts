// Node Agents of simulated hosts beside the Hypervisor Operator, on our Kubernetes API server: what
// a Hypervisor resource says of its host, and the Migration resource of a server that moves.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { createSimBmc } from '#adapters/sim/sim-bmc.ts';
import { createSimHypervisor } from '#adapters/sim/sim-hypervisor.ts';
import type { SimHypervisor } from '#adapters/sim/sim-hypervisor.ts';
import { createSimMoveLog, createSimNodeFacts } from '#adapters/sim/sim-node-facts.ts';
import type { SimMoveLog } from '#adapters/sim/sim-node-facts.ts';
import { inMemoryStore } from '#adapters/sim/sim-world.ts';
import type { SimStore } from '#adapters/sim/sim-world.ts';
import type { NodeAgentConfig } from '#agents/node-agent/deps.ts';
import { nodeAgentDefaults } from '#agents/node-agent/deps.ts';
import { createNodeAgent } from '#agents/node-agent/node-agent.ts';
import type { NodeAgent } from '#agents/node-agent/node-agent.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import { conditionOf } from '#contracts/kube/conditions.ts';
import type { Migration } from '#contracts/kube/kinds.ts';
import { hypervisors, migrations, nodes } from '#contracts/kube/kinds.ts';
import { disklessGuest } from '#contracts/nova/diskless-guest.testing.ts';
import { systemClock } from '#platform/clock.ts';
import { systemIds } from '#platform/ids.ts';
import { silentLog } from '#platform/log.ts';
import { createTaskRunner } from '#platform/tasks/tasks.ts';
import type { TaskRunner } from '#platform/tasks/tasks.ts';
import { eventually } from '#platform/testing/eventually.ts';
import type { Kube } from '#ports/kube.ts';
import { ok } from '#ports/node-facts.testing.ts';
import type { TestFleet } from './fleet.testing.ts';
import { startTestFleet } from './fleet.testing.ts';

const manager = 'kvm-node-agent';
const clock = systemClock;
const quick: Partial<NodeAgentConfig> = {
  pollEveryMs: 300,
  hostPauseMs: 10,
  guestsPauseMs: 10,
  unitsEveryMs: 50,
  progressEveryMs: 100,
};

class TestHost {
  #moves: SimMoveLog;
  readonly hypervisor: SimHypervisor;
  readonly bmc;
  osVersion = '1';
  readonly #name: string;
  readonly #store: SimStore;
  readonly #config: Partial<NodeAgentConfig>;
  #agent: NodeAgent | undefined;
  #tasks: TaskRunner | undefined;

  constructor(name: string, store: SimStore, config: Partial<NodeAgentConfig>) {
    this.#moves = createSimMoveLog(clock);
    this.hypervisor = createSimHypervisor(
      { hostname: name, fetchImages: false, migrateMs: 1_500 },
      { store, clock, moves: this.#moves },
    );
    this.bmc = createSimBmc(name, { store, clock });
    [this.#name, this.#store, this.#config] = [name, store, config];
  }

  async startAgent(kube: Kube): Promise<void> {
    const { hypervisor } = this;
    const moves = this.#moves;
    this.#agent = createNodeAgent({
      facts: createSimNodeFacts(
        { hostname: this.#name, cells: 2, osVersion: () => this.osVersion },
        { store: this.#store, hypervisor, moves },
      ),
      kube,
      clock,
      ids: systemIds,
      log: silentLog,
      config: {
        ...nodeAgentDefaults,
        ...quick,
        ...this.#config,
        host: this.#name,
        node: { address: '10.0.0.1' },
      },
    });
    this.#tasks = createTaskRunner({ clock, ids: systemIds, log: silentLog });
    ok(await this.#agent.start());
    this.#tasks.start(this.#agent.tasks);
  }

  async stopAgent(how = { hostEnds: false }): Promise<void> {
    await this.#tasks?.stop();
    await this.#agent?.stop(how);
    this.#agent = undefined;
  }

  /** Forgets ended migrations, as a restart of the agent's process would. */
  forgetEnds(): void {
    this.#moves = createSimMoveLog(clock);
  }

  async startGuest(uuid: string): Promise<void> {
    const kernel = { id: 'k', diskFormat: 'aki' as const, sizeBytes: 0, checksum: '' };
    this.#store.load(this.#name).images.set('k', 0);
    const boot = { kernel, ramdisk: null, commandLine: '' };
    ok(await this.hypervisor.create(disklessGuest({ uuid, kernel: boot, vcpus: 2 })));
  }
}

describe('the node agent', () => {
  let fleet: TestFleet;
  let store: SimStore;
  let hosts: TestHost[];
  beforeEach(async () => {
    fleet = await startTestFleet(['h1', 'h2']);
    [store, hosts] = [inMemoryStore(), []];
  });
  afterEach(async () => {
    for (const host of hosts) await host.stopAgent();
    await fleet.close();
  });

  const hostOf = async (name: string, config: Partial<NodeAgentConfig> = {}): Promise<TestHost> => {
    const host = new TestHost(name, store, config);
    hosts.push(host);
    await fleet.addNode(name, 'skip-tests');
    await host.startAgent(fleet.kubeFor(manager));
    await fleet.reaches(name, 'LibVirtConnection', 'Connected');
    await fleet.reaches(name, 'Ready', 'Ready');
    return host;
  };
  const statusOf = async (name: string) => (await fleet.hypervisor(name)).status ?? {};
  const says = async (
    what: string,
    name: string,
    isSo: (status: Awaited<ReturnType<typeof statusOf>>) => boolean,
  ): Promise<void> =>
    void (await eventually(async () => isSo(await statusOf(name)), { withinMs: 10_000, what }));
  const migrationOf = async (name: string): Promise<Migration | undefined> => {
    const found = await fleet.kube.get(migrations, { name, namespace: 'default' });
    return isFault(found) ? undefined : found;
  };
  const reaches = async (
    uuid: string,
    what: string,
    isSo: (status: NonNullable<Migration['status']>) => boolean,
  ): Promise<Migration> =>
    await eventually(
      async () => {
        const found = await migrationOf(uuid);
        return found && isSo(found.status ?? {}) ? found : undefined;
      },
      { withinMs: 10_000, everyMs: 20, what },
    );

  async function move(from: TestHost, to: TestHost, uuid: string): Promise<unknown> {
    const arrival = ok(
      await to.hypervisor.prepareArrival(disklessGuest({ uuid }), { cpu: null, base: null }),
    );
    const moving = await from.hypervisor.migrate(uuid, {
      arrival,
      autoConverge: false,
      permitPostCopy: false,
      bandwidthMib: 0,
      completionTimeoutMs: 0,
      timeoutAction: 'abort',
    });
    await to.hypervisor.arrivalState(uuid);
    return moving;
  }

  /** A live migration from h1 to h2 in progress that does not converge. */
  async function restlessMove() {
    const [from, to] = [await hostOf('h1'), await hostOf('h2')];
    const uuid = randomUUID();
    await from.startGuest(uuid);
    from.hypervisor.guestIsRestless(uuid);
    const moving = move(from, to, uuid);
    const { metadata } = await reaches(uuid, 'it is under way', ({ type }) => type === 'unbounded');
    return { from, to, uuid, moving, metadata };
  }

  it('says what the host is, has and runs, and leaves to the operator what is its own', async () => {
    const host = await hostOf('h1');
    const uuid = randomUUID();
    await host.startGuest(uuid);
    await says('the guest is listed', 'h1', ({ numInstances }) => numInstances === 1);
    const status = await statusOf('h1');
    assert.deepEqual(status.instances, [{ id: uuid, name: `instance-${uuid}`, active: true }]);
    assert.deepEqual(status.capacity, { cpu: '64', memory: '256Gi' });
    assert.deepEqual(status.allocation, { cpu: '2', memory: '128Mi' });
    assert.deepEqual(
      status.cells?.map(({ cellID, allocation }) => [cellID, allocation?.['cpu']]),
      [
        [0, '1'],
        [1, '1'],
      ],
    );
    assert.equal(status.operatingSystem?.prettyVersion, 'Simulated host 1');
    assert.equal(status.hypervisorId, 'hypervisor-h1', "the operator's field");
    await says('the address of the Node', 'h1', ({ internalIp }) => internalIp === '10.0.0.1');
    const node = ok(await fleet.kube.get(nodes, { name: 'h1' }));
    assert.equal(node.status?.nodeInfo?.['osImage'], 'Simulated host 1');
    assert.equal(node.status?.nodeInfo?.['architecture'], 'amd64');
    await host.hypervisor.destroy(uuid);
    await says('the guest is gone', 'h1', ({ instances }) => instances?.length === 0);
  });

  it('follows the overcommit of the spec, and an update of the host', async () => {
    const host = await hostOf('h1');
    const spec = { overcommit: { cpu: 2.5 } };
    ok(await fleet.kube.patch(hypervisors, { name: 'h1' }, { spec }));
    await says(
      'there is more to give',
      'h1',
      ({ effectiveCapacity }) => effectiveCapacity?.['cpu'] === '160',
    );
    host.osVersion = '2';
    await says(
      'the new system is told',
      'h1',
      ({ operatingSystem }) => operatingSystem?.version === '2',
    );
  });

  it('writes nothing while nothing happens, however often it looks', async () => {
    const host = await hostOf('h1');
    await host.startGuest(randomUUID());
    await says('the guest is listed', 'h1', ({ numInstances }) => numInstances === 1);
    await fleet.settles('h1');
    const [hypervisor, node] = await Promise.all([
      fleet.hypervisor('h1'),
      fleet.kube.get(nodes, { name: 'h1' }),
    ]);
    const before = fleet.writesOf(manager);
    assert.ok(before > 0, 'its writes are counted');
    // Time for ten passes of the agent, and for passes of the operator caused by them.
    await clock.sleep(3_000);
    assert.equal(fleet.writesOf(manager), before);
    const now = await fleet.hypervisor('h1');
    assert.equal(now.metadata.resourceVersion, hypervisor.metadata.resourceVersion);
    const then = ok(await fleet.kube.get(nodes, { name: 'h1' }));
    assert.equal(then.metadata.resourceVersion, ok(node).metadata.resourceVersion);
  });

  it('tells many changes of its guests together, and that libvirt is down at once', async () => {
    const host = await hostOf('h1', { guestsPauseMs: 60_000, pollEveryMs: 120_000 });
    const before = (await statusOf('h1')).numInstances;
    for (let guest = 0; guest < 5; guest += 1) await host.startGuest(randomUUID());
    await clock.sleep(500);
    assert.equal((await statusOf('h1')).numInstances, before, 'not a write for each');
    host.bmc.hostDies();
    await fleet.reaches('h1', 'LibVirtConnection', 'LibVirtServiceNotRunning');
  });

  it('own fields that another writer changed are restored, fields of others stay', async () => {
    await hostOf('h1');
    const own = await statusOf('h1');
    const status = { numInstances: 77, capacity: { cpu: '1' }, evicted: true };
    ok(await fleet.kube.patch(hypervisors, { name: 'h1' }, { status }, { subresource: 'status' }));
    await says(
      'it is put right',
      'h1',
      ({ numInstances, capacity }) => numInstances === 0 && capacity?.['cpu'] === '64',
    );
    const after = await statusOf('h1');
    assert.deepEqual(after.cells, own.cells);
    const managers = (await fleet.hypervisor('h1')).metadata.managedFields ?? [];
    const fields = JSON.stringify(
      managers.find((each) => each.manager === manager && each.operation === 'Apply')?.fieldsV1,
    );
    for (const foreign of ['f:hypervisorId', 'f:evicted', 'f:internalIp', 'f:serviceId', '"Ready'])
      assert.ok(!fields.includes(foreign), `${foreign} is not its own`);
    assert.ok(fields.includes('f:instances') && fields.includes('LibVirtConnection'));
  });

  it('a host without libvirt is not ready until libvirt is back, and keeps its facts', async () => {
    const host = await hostOf('h1');
    await host.startGuest(randomUUID());
    await says('the guest is listed', 'h1', ({ numInstances }) => numInstances === 1);
    host.bmc.hostDies();
    const condition = await fleet.reaches('h1', 'LibVirtConnection', 'LibVirtServiceNotRunning');
    assert.equal(condition.status, 'False');
    const ready = await fleet.reaches('h1', 'Ready', 'LibVirtServiceNotRunning');
    assert.equal(ready.status, 'False');
    assert.equal((await fleet.reaches('h1', 'libvirtd.service', 'Stopped')).status, 'False');
    assert.equal((await statusOf('h1')).numInstances, 1);
    host.bmc.hostReturns();
    await fleet.reaches('h1', 'LibVirtConnection', 'Connected');
    await fleet.reaches('h1', 'Ready', 'Ready');
    await says('the guest has ended', 'h1', ({ instances }) => instances?.[0]?.active === false);
  });

  it('an agent that ends with its host says so; one that is only stopped does not', async () => {
    const host = await hostOf('h1', { pollEveryMs: 60_000, unitsEveryMs: 60_000 });
    await host.stopAgent();
    assert.equal(conditionOf(await fleet.hypervisor('h1'), 'LibVirtConnection')?.status, 'True');
    await host.startAgent(fleet.kubeFor(manager));
    await fleet.settles('h1');
    // The agents are stopped first and the host ends then, as in a shutdown.
    await host.stopAgent({ hostEnds: true });
    const off = await fleet.hypervisor('h1');
    assert.equal(conditionOf(off, 'LibVirtConnection')?.reason, 'LibVirtServiceNotRunning');
    await fleet.reaches('h1', 'Ready', 'LibVirtServiceNotRunning');
    await host.startAgent(fleet.kubeFor(manager));
    await fleet.reaches('h1', 'Ready', 'Ready');
    // A new agent finds its host off, after a process that had no time to report it.
    await host.stopAgent();
    host.bmc.hostDies();
    assert.equal(conditionOf(await fleet.hypervisor('h1'), 'LibVirtConnection')?.status, 'True');
    await host.startAgent(fleet.kubeFor(manager));
    await host.stopAgent({ hostEnds: true });
    assert.equal(conditionOf(await fleet.hypervisor('h1'), 'LibVirtConnection')?.status, 'False');
  });

  it('an API that is away is waited for, and told what has happened meanwhile', async () => {
    const host = await hostOf('h1');
    fleet.breakApi(manager, fault('unavailable', 'the API server is away'));
    await host.startGuest(randomUUID());
    await clock.sleep(1_000);
    assert.equal((await statusOf('h1')).numInstances, 0);
    fleet.breakApi(manager, undefined);
    await says('the guest is told', 'h1', ({ numInstances }) => numInstances === 1);
  });

  it('shows how far a live migration is, how it ended and where, and then collects it', async () => {
    const keep = { keepMigrationsMs: 2_000 };
    const [from, to] = [await hostOf('h1', keep), await hostOf('h2', keep)];
    const uuid = randomUUID();
    await from.startGuest(uuid);
    const moving = move(from, to, uuid);
    const phases = new Set<string>();
    const running = await reaches(uuid, 'it is under way', ({ type, dataProcessed }) => {
      if (dataProcessed !== undefined) phases.add(dataProcessed);
      return type === 'unbounded' && phases.size >= 3;
    });
    assert.equal(running.status?.origin, 'h1');
    assert.equal(running.status?.operation, 'migration_out');
    assert.equal(running.status?.dataTotal, '128 MiB');
    assert.equal(running.status?.destination, undefined);
    assert.equal(running.metadata.ownerReferences?.[0]?.name, 'h1');
    assert.equal(await moving, undefined);
    const ended = await reaches(
      uuid,
      'it has ended',
      ({ type, destination }) => type === 'completed' && destination === 'h2',
    );
    assert.equal(ended.status?.dataRemaining, '0 B');
    assert.equal(ended.metadata.uid, running.metadata.uid);
    await says('the guest is on h2', 'h2', ({ numInstances }) => numInstances === 1);
    await says('and not on h1', 'h1', ({ numInstances }) => numInstances === 0);
    await eventually(async () => (await migrationOf(uuid)) === undefined, {
      withinMs: 10_000,
      what: 'the Migration is collected',
    });
  });

  it('a migration that is aborted is never shown as done', async () => {
    const { from, uuid, moving } = await restlessMove();
    ok(await from.hypervisor.abortMigration(uuid));
    await moving;
    const ended = await reaches(uuid, 'it has ended', ({ type }) => type === 'cancelled');
    assert.match(ended.status?.errMsg ?? '', /aborted/);
    assert.equal(ended.status?.destination, undefined);
  });

  it('an agent that starts while a server moves goes on with it', async () => {
    const { from, to, uuid, moving, metadata } = await restlessMove();
    await from.stopAgent();
    await from.startAgent(fleet.kubeFor(manager));
    ok(await from.hypervisor.completeMigration(uuid, { postCopy: false }));
    assert.equal(await moving, undefined);
    const ended = await reaches(uuid, 'it has ended', ({ type }) => type === 'completed');
    assert.equal(ended.metadata.uid, metadata.uid, 'the same object');
    await reaches(uuid, 'the destination says so', ({ destination }) => destination === 'h2');
    // A migration back replaces the Migration resource.
    ok(await from.hypervisor.forgetDeparted(uuid));
    const back = move(to, from, uuid);
    await reaches(uuid, 'it moves back', ({ origin }) => origin === 'h2');
    ok(await to.hypervisor.completeMigration(uuid, { postCopy: false }));
    await back;
    await reaches(uuid, 'it is back', ({ destination }) => destination === 'h1');
  });

  it('a migration whose end nobody saw is settled by where the guest is', async () => {
    const { from, uuid, moving } = await restlessMove();
    await from.stopAgent();
    ok(await from.hypervisor.abortMigration(uuid));
    await moving;
    from.forgetEnds();
    await from.startAgent(fleet.kubeFor(manager));
    const ended = await reaches(uuid, 'it is settled', ({ type }) => type === 'failed');
    assert.match(ended.status?.errMsg ?? '', /still on its host/);
  });
});
