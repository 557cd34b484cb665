// Nova's SQL on a real MariaDB: each kind of query once, through the API. The details of answers
// are tested on SQLite.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Json } from '#contracts/common/json.ts';
import { mariadbMissing, startMariadb } from '#platform/db/mariadb.testing.ts';
import type { PrivateMariadb } from '#platform/db/mariadb.testing.ts';
import { transaction } from '#platform/db/transaction.ts';
import type { HttpMethod } from '#platform/http/messages.ts';
import type { NovaFixture } from '../api/nova-api.testing.ts';
import { startNova } from '../api/nova-api.testing.ts';
import {
  changeNic,
  deleteNic,
  deleteNics,
  findNic,
  insertNics,
  nextSeq,
  nicsOf,
  serversWithLostPorts,
  serversWithNics,
  writeAddresses,
} from './nics.ts';
import { takeNumbers } from './servers.ts';

describe('nova on MariaDB', { skip: await mariadbMissing() }, () => {
  let mariadb: PrivateMariadb;
  let nova: NovaFixture;
  before(async () => {
    mariadb = await startMariadb();
    nova = await startNova({ database: await mariadb.createDatabase() });
    nova.answerCalls((call) =>
      call.service === 'identity'
        ? { status: 200, body: { project: { id: 'p1', name: 'shop' } } }
        : { status: 204 },
    );
    await nova.addHost('h1');
    await nova.addHost('h2');
    await nova.addServer({ host: 'h1', tags: ',red,' });
    for (const task of nova.tasks) await task.run(new AbortController().signal);
  });
  after(async () => {
    await nova?.close();
    await mariadb?.stop();
  });

  const key = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDz7GQ0pH3c6m2u0bVd0mZ0p8Qm3o1zq2f0nYQJr3cZx';
  const flavor = {
    name: 'f',
    id: '1',
    ram: 64,
    vcpus: 1,
    disk: 0,
    'os-flavor-access:is_public': false,
  };
  const steps: readonly [HttpMethod, string, number, Json?, number?][] = [
    ['POST', 'flavors', 200, { flavor }],
    ['POST', 'flavors', 409, { flavor }],
    ['GET', 'flavors/detail?is_public=None&sort_key=name&minRam=1', 200],
    ['GET', 'flavors', 200],
    ['PUT', 'flavors/1', 200, { flavor: { description: 'd' } }, 55],
    ['POST', 'flavors/1/os-extra_specs', 200, { extra_specs: { a: '1' } }],
    ['DELETE', 'flavors/1/os-extra_specs/a', 200],
    ['POST', 'flavors/1/action', 200, { addTenantAccess: { tenant: 'p' } }],
    ['POST', 'flavors/1/action', 409, { addTenantAccess: { tenant: 'p' } }],
    ['POST', 'flavors/1/action', 200, { removeTenantAccess: { tenant: 'p' } }],
    ['POST', 'os-keypairs', 200, { keypair: { name: 'k', public_key: key } }],
    ['POST', 'os-keypairs', 409, { keypair: { name: 'k', public_key: key } }],
    ['GET', 'os-keypairs/k', 200],
    ['DELETE', 'os-keypairs/k', 202],
    ['POST', 'os-aggregates', 200, { aggregate: { name: 'a', availability_zone: 'az1' } }],
    ['POST', 'os-aggregates', 409, { aggregate: { name: 'a' } }],
    ['POST', 'os-aggregates/1/action', 200, { add_host: { host: 'h2' } }],
    ['POST', 'os-aggregates/1/action', 409, { add_host: { host: 'h2' } }],
    ['POST', 'os-aggregates/1/action', 200, { set_metadata: { metadata: { x: 'y' } } }],
    ['GET', 'os-aggregates', 200],
    ['GET', 'os-availability-zone/detail', 200],
    ['GET', 'os-services', 200],
    ['PUT', 'os-services/disable', 200, { host: 'h1', binary: 'nova-compute' }],
    ['GET', 'os-hypervisors/detail?with_servers=true', 200, undefined, 53],
    ['GET', 'os-hypervisors/statistics', 200],
    ['GET', 'os-migrations?host=h1&status=done&limit=2', 200, undefined, 80],
    ['DELETE', 'os-services/1', 409],
    ['DELETE', 'os-services/2', 204],
    ['DELETE', 'os-aggregates/1', 200],
    ['DELETE', 'flavors/1', 202],
    ['PUT', 'os-quota-sets/project-a', 200, { quota_set: { cores: 7 } }],
    ['PUT', 'os-quota-sets/project-a', 400, { quota_set: { cores: 1 } }],
    ['GET', 'os-quota-sets/project-a/detail?user_id=member', 200],
    ['DELETE', 'os-quota-sets/project-a', 202],
    ['GET', 'limits', 200],
    ['GET', 'os-simple-tenant-usage?detailed=1', 200, undefined, 40],
    [
      'GET',
      'servers/detail?name=web&tags=red&sort_key=host&sort_key=name&status=ACTIVE',
      200,
      undefined,
      90,
    ],
  ];
  for (const [method, path, status, body, version] of steps) {
    it(`${method} ${path} is answered with ${status}`, async () => {
      const answer = await nova.ask('admin', method, path, {
        ...(body !== undefined && { body }),
        ...(version !== undefined && { version }),
      });
      assert.equal(answer.status, status, JSON.stringify(answer.body));
    });
  }
  it('counts and sums as numbers', async () => {
    const { hypervisor_statistics: sums } = (
      await nova.ask('admin', 'GET', 'os-hypervisors/statistics')
    ).body;
    assert.deepEqual(
      [sums.count, (await nova.ask('admin', 'GET', 'limits')).body.limits.absolute.totalCoresUsed],
      [0, 2],
    ); // h1 is disabled, h2 deleted
  });
  it('lets one of many creates at once win, and loses no change', async () => {
    const ten = Array.from({ length: 10 }, (_, index) => index);
    const create = async (path: string, body: Json) =>
      (
        await Promise.all(
          ten.map(async () => (await nova.ask('admin', 'POST', path, { body })).status),
        )
      ).sort((a, b) => a - b);
    const once = [200, ...Array.from({ length: 9 }, () => 409)];
    assert.deepEqual(await create('flavors', { flavor: { ...flavor, id: 'race' } }), once);
    assert.deepEqual(
      await create('os-keypairs', { keypair: { name: 'race', public_key: key } }),
      once,
    );
    assert.deepEqual(await create('os-aggregates', { aggregate: { name: 'race' } }), once);
    await Promise.all(
      ten.map(
        async (index) =>
          await nova.ask('admin', 'POST', 'flavors/race/os-extra_specs', {
            body: { extra_specs: { [`k${index}`]: '1' } },
          }),
      ),
    );
    assert.equal(
      Object.keys((await nova.ask('admin', 'GET', 'flavors/race/os-extra_specs')).body.extra_specs)
        .length,
      10,
    );
    const { id } = await nova.addServer();
    await Promise.all(
      ten.map(
        async (index) =>
          await nova.ask('admin', 'POST', `servers/${id}/metadata`, {
            body: { metadata: { [`k${index}`]: '1' } },
          }),
      ),
    );
    assert.equal(
      Object.keys((await nova.ask('admin', 'GET', `servers/${id}/metadata`)).body.metadata).length,
      10,
    );
  });
  it('keeps interfaces, finds servers by their addresses, and finds lost ports', async () => {
    const { db } = nova.deps.database;
    const { id } = await nova.addServer({ host: null });
    await insertNics(
      db,
      [0, 1].map((seq) => ({
        server_id: id,
        seq,
        network_id: 'n',
        port_id: null,
        given: seq,
        fixed_ip: null,
        tag: null,
        security_groups: '[]',
        info: null,
      })),
    );
    assert.deepEqual([await nextSeq(db, id), await serversWithLostPorts(db, 10)], [2, []]);
    await changeNic(db, { server_id: id, seq: 0 }, { port_id: 'p0', info: '{}' });
    await writeAddresses(db, id, '{"net":[{"version":4,"addr":"10.0.0.5"}]}', '["default"]');
    assert.deepEqual(
      [
        (await findNic(db, id, 'p0'))?.seq,
        await serversWithNics(db, '', 10),
        await serversWithLostPorts(db, 10),
      ],
      [0, [id], [id]],
    );
    const found = async (query: string) =>
      (await nova.ask('admin', 'GET', `servers?${query}`)).body.servers.length;
    assert.deepEqual(
      [
        await found('ip=10.0.0.5'),
        await found('ip=10.0.0'),
        await found('ip=0.5'),
        await found('ip6=10'),
      ],
      [1, 1, 0, 0],
    );
    await deleteNic(db, { server_id: id, seq: 0 });
    assert.deepEqual(
      (await nicsOf(db, id)).map(({ seq }) => seq),
      [1],
    );
    await deleteNics(db, id);
  });
  it('hands out every number once, even the first ones of a counter', async () => {
    const { db } = nova.deps.database;
    const numbers = await Promise.all(
      Array.from(
        { length: 10 },
        async () =>
          await transaction(db, async (trx) => await takeNumbers(trx, 'fresh', 2), {
            maxAttempts: 20,
            backoffMs: 5,
          }),
      ),
    );
    assert.deepEqual(
      numbers.flat().sort((a, b) => a - b),
      Array.from({ length: 20 }, (_, index) => index + 1),
    );
  });
});
