// A distributed cloud on this machine: each role in processes of its own over RabbitMQ and MariaDB,
// with simulated hosts. Any process, including broker and database, may be killed while users work:
// whatever was answered by 2xx is kept, and every operation comes to its end.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { connectCloud } from '#cli/cloud-client.ts';
import { homePaths, readSecrets } from '#compose/home.ts';
import type { ProcessState } from '#compose/process-table.ts';
import { readProcessTable } from '#compose/process-table.ts';
import { systemClock } from '#platform/clock.ts';
import { eventually } from '#platform/testing/eventually.ts';
import type { TestCloud } from './cloud.testing.ts';
import { createTiny, distributedCloudMissing, testCloud } from './cloud.testing.ts';
import type { Users } from './users.testing.ts';
import { startUsers } from './users.testing.ts';

/** DISTRIBUTED=whole also kills the second process of each role; takes 5 minutes. */
const isWhole = process.env['DISTRIBUTED'] === 'whole';
const simulatedHosts = 4;
const users = 4;
/** How long operations may take to end after the last kill. */
const restWithinMs = 60_000;
const backWithinMs = 90_000;

describe('a distributed cloud', { skip: distributedCloudMissing(), timeout: 900_000 }, () => {
  let cloud: TestCloud;
  before(async () => {
    cloud = await testCloud();
    const output = await cloud.up(
      '--distributed',
      '--hosts=0',
      `--simulated=${simulatedHosts}`,
      '--log-level=info',
    );
    assert.match(output, /✓ \d+ processes of \d+ roles/);
  });
  after(async () => await cloud.close());

  const processes = async (): Promise<ProcessState[]> =>
    await readProcessTable(homePaths(cloud.dir));
  const processCalled = async (name: string): Promise<ProcessState> => {
    const found = (await processes()).find((each) => each.name === name);
    assert.ok(found, `there is a process ${name}`);
    return found;
  };
  /** Whether the process was restarted since `before`, and is ready. */
  const isBack = async (name: string, before: ProcessState): Promise<boolean> => {
    const { ready, restarts } = await processCalled(name);
    return ready && restarts > before.restarts;
  };
  const kill = async (name: string, signal: NodeJS.Signals): Promise<void> => {
    const state = await processCalled(name);
    assert.ok(state.pid !== null, `${name} runs`);
    process.kill(state.pid, signal);
    await eventually(async () => await isBack(name, state), {
      withinMs: backWithinMs,
      everyMs: 200,
      what: `${name} is back`,
    });
  };
  const login = async () => {
    const { admin } = await readSecrets(cloud.dir);
    return await connectCloud(
      `http://127.0.0.1:${cloud.port}`,
      { name: 'admin', password: admin, project: 'admin' },
      30_000,
    );
  };
  const work = async (): Promise<Users> => await startUsers({ login, count: users });

  it('serves the stock client', async () => {
    assert.equal(
      (await cloud.json<object[]>('compute', 'service', 'list', '--service=nova-compute')).length,
      simulatedHosts,
    );
    await cloud.openstack('volume', 'create', '--size=1', 'v1');
    const server = await cloud.json<{ status: string }>(...createTiny('s1', '--network=public'));
    assert.equal(server.status, 'ACTIVE');
    await cloud.openstack('server', 'add', 'volume', 's1', 'v1');
    await cloud.openstack('server', 'delete', '--wait', 's1');
    await eventually(
      async () =>
        (await cloud.json<{ status: string }>('volume', 'show', 'v1')).status === 'available',
      { withinMs: 20_000, everyMs: 500, what: 'the volume is free' },
    );
    await cloud.openstack('volume', 'delete', 'v1');
    assert.match(await cloud.cobalt('doctor', '--audit'), /no differences/);
  });

  it('loses nothing while each process is killed in turn', async (t) => {
    const working = await work();
    const roles = (await processes()).filter(({ name }) => !below.includes(name));
    const killed = roles.filter(({ name }) => isWhole || !name.endsWith('-2'));
    for (const { name } of killed) await kill(name, 'SIGKILL');
    t.diagnostic(`${killed.length} of ${roles.length} processes killed`);
    await cameToRest(working, (text) => t.diagnostic(text));
  });

  for (const daemon of ['rabbitmq', 'mariadb', 'haproxy'])
    it(`loses nothing while ${daemon} is killed`, async (t) => {
      const working = await work();
      await systemClock.sleep(2_000);
      await kill(daemon, 'SIGKILL');
      await systemClock.sleep(5_000);
      await cameToRest(working, (text) => t.diagnostic(text));
    });

  it('answers every request while each process of a doubled role is restarted', async (t) => {
    const working = await work();
    const doubled = (await processes()).filter(({ name }) =>
      isWhole ? /-[12]$/.test(name) : /^(keystone|glance|placement|.*-api)-[12]$/.test(name),
    );
    for (const { name } of doubled) await kill(name, 'SIGTERM');
    const report = await cameToRest(working, (text) => t.diagnostic(text));
    assert.deepEqual(report.failedRequests, []);
  });

  async function cameToRest(working: Users, say: (text: string) => void) {
    const report = await working.stop(restWithinMs);
    say(`${report.requests} requests, ${report.failedRequests.length} of them failed`);
    say(`${report.created} things made and removed`);
    assert.deepEqual(report.lost, [], 'answered 2xx, and not so');
    assert.deepEqual(report.stuck, [], 'not at rest in time');
    assert.ok(report.created >= users, 'the users worked');
    await eventually(
      async () => {
        const audit = await cloud.cobalt('doctor', '--audit').catch(
          (error: { stdout: string }) => error.stdout, // exit code 1: the audit found differences
        );
        return audit.includes('no differences') || audit;
      },
      { withinMs: restWithinMs, everyMs: 2_000, what: 'nothing differs' },
    );
    return report;
  }
});

const below: readonly string[] = ['rabbitmq', 'epmd', 'mariadb', 'haproxy'];
