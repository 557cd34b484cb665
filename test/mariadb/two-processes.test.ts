// Two control planes on one MariaDB, eight clients that create and delete at once, and a database
// server that is killed meanwhile: usage equals what exists, no address is given out twice, and
// nothing that was confirmed is lost.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { mariadbMissing, startMariadb } from '#platform/db/mariadb.testing.ts';
import type { RestartableMariadb } from '#platform/db/mariadb.testing.ts';
import { testMariadbSocket } from '#platform/db/test-database.testing.ts';
import { eventually } from '#platform/testing/eventually.ts';
import type { SimCloud } from '../sim/sim-cloud.ts';
import { startSimCloud } from '../sim/sim-cloud.ts';
import type { Client, Confirmed } from './clients.ts';
import { createClient, doubles, raiseQuotas, usage } from './clients.ts';

const restMs = 90_000;
const outageMs = 2_000;

describe('two control planes on MariaDB', { skip: await mariadbMissing() }, () => {
  let mariadb: RestartableMariadb;
  let cloud: SimCloud;
  let dir: string;
  before(async () => {
    mariadb = await startMariadb();
    process.env[testMariadbSocket] = mariadb.socketPath;
    dir = await mkdtemp(join(tmpdir(), 'cobalt-two-'));
    cloud = await startSimCloud({ dir, hosts: 3, inMemory: true, control: { processes: 2 } });
    await raiseQuotas(cloud);
  });
  after(async () => {
    delete process.env[testMariadbSocket];
    await cloud?.stop();
    await mariadb?.stop();
    await rm(dir, { recursive: true, force: true });
  });

  const work = async (rounds: number): Promise<Client[]> => {
    const clients = Array.from({ length: 8 }, (_, index) => createClient(cloud, `client-${index}`));
    await Promise.all(clients.map(async (client) => await client.work(rounds)));
    return clients;
  };
  const judge = async (clients: readonly Client[]): Promise<void> => {
    await cloud.quiet(restMs, 200);
    for (const { confirmed } of clients) await isThere(cloud, confirmed);
    assert.deepEqual(await doubles(cloud), []);
    const { counted, existing } = await usage(cloud);
    assert.deepEqual(counted, existing);
  };
  const statusesOf = (clients: readonly Client[]): Record<string, number> => {
    const all = clients.flatMap(({ statuses }) => statuses);
    return Object.fromEntries(
      [...Map.groupBy(all, String)].map(([status, some]) => [status, some.length]),
    );
  };

  it('eight clients at once: no error of the service, quotas equal what exists', async (t) => {
    const clients = await work(3);
    const statuses = statusesOf(clients);
    t.diagnostic(`answers: ${JSON.stringify(statuses)}`);
    assert.deepEqual(
      Object.keys(statuses).filter((status) => Number(status) >= 500),
      [],
    );
    await judge(clients);
  });

  it('the server is killed and comes back: 503 at worst, and nothing confirmed is lost', async (t) => {
    const working = work(3);
    await sleep(outageMs); // the clients are in the middle of their work
    await mariadb.kill();
    await sleep(outageMs);
    await mariadb.restart();
    const startedMs = performance.now();
    await eventually(async () => (await createClient(cloud, 'probe').probe()) === 200, {
      withinMs: 10_000,
      what: 'the cloud answers again',
    });
    t.diagnostic(`answers again after ${Math.round(performance.now() - startedMs)} ms`);
    const clients = await working;
    const statuses = statusesOf(clients);
    t.diagnostic(`answers: ${JSON.stringify(statuses)}`);
    assert.ok(statuses['503'], 'nobody saw the outage');
    assert.deepEqual(
      Object.keys(statuses).filter((status) => Number(status) >= 500 && status !== '503'),
      [],
    );
    await judge(clients);
  });
});

async function isThere(cloud: SimCloud, confirmed: Confirmed): Promise<void> {
  for (const [path, state] of confirmed) {
    const { status } = await (path.startsWith('/servers')
      ? cloud.compute('GET', path)
      : path.startsWith('/volumes')
        ? cloud.volume('GET', path)
        : cloud.network('GET', path));
    assert.equal(status, state === 'created' ? 200 : 404, `${path} was confirmed as ${state}`);
  }
}
