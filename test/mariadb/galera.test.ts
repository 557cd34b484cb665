// Writers on several nodes of a real Galera cluster: the other nodes see what one has confirmed,
// nothing is counted twice, and transactions that conflict at commit are retried.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { sql } from 'kysely';
import type { Database, DatabaseConfig } from '#platform/db/database.ts';
import { openDatabase } from '#platform/db/database.ts';
import { galeraMissing, startGalera, type PrivateGalera } from '#platform/db/galera.testing.ts';
import { migrate } from '#platform/db/migrate.ts';
import { holdName, namedLocksMigration } from '#platform/db/named-lock.ts';
import { transaction } from '#platform/db/transaction.ts';
import { silentLog } from '#platform/log.ts';
import { startNeutron } from '#services/neutron/api/neutron-api.testing.ts';

describe('writers on three Galera nodes', { skip: await galeraMissing() }, () => {
  let galera: PrivateGalera;
  let nodes: [Database<unknown>, ...Database<unknown>[]];
  before(async () => {
    galera = await startGalera();
    nodes = (await galera.createDatabase()).map((config) =>
      openDatabase(config, { log: silentLog }),
    ) as typeof nodes; // cast: three nodes
    await migrate(nodes[0].db, 'mysql', 'test', [namedLocksMigration('0001-named-locks')]);
    await sql`create table item (id varchar(64) primary key)`.execute(nodes[0].db);
    await sql`create table box (id int primary key, size int not null)`.execute(nodes[0].db);
    await sql`insert into box values (1, 0)`.execute(nodes[0].db);
  });
  after(async () => {
    for (const node of nodes ?? []) await node.close();
    await galera?.stop();
  });
  const numberOf = async (query: ReturnType<typeof sql<{ value: number }>>, node = nodes[0]) =>
    (await query.execute(node.db)).rows[0]?.value ?? Number.NaN;

  it('keep a limit that they count under a name', async () => {
    const addOne = async (index: number): Promise<void> =>
      await transaction((nodes[index % 3] as Database<unknown>).db, async (trx) => {
        await holdName(trx, 'quota');
        const { rows } = await sql<{ value: number }>`select count(*) as value from item`.execute(
          trx,
        );
        if (Number(rows[0]?.value) < 20)
          await sql`insert into item values (${`item-${index}`})`.execute(trx);
      });
    await Promise.all(Array.from({ length: 60 }, async (_, index) => await addOne(index)));
    assert.equal(await numberOf(sql`select count(*) as value from item`), 20);
  });

  it('lose no single statement, and read what the others wrote', async () => {
    await Promise.all(
      nodes.map(async ({ db }) => {
        for (let round = 0; round < 30; round += 1)
          await sql`update box set size = size + 1`.execute(db);
      }),
    );
    assert.equal(await numberOf(sql`select size as value from box`), 90);
    for (let round = 0; round < 30; round += 1) {
      await sql`update box set size = ${round}`.execute(nodes[0].db);
      assert.equal(await numberOf(sql`select size as value from box`, nodes[1]), round);
    }
  });

  it('give each port an address of its own, and no more than the quota allows', async () => {
    const configs = (await galera.createDatabase()) as [DatabaseConfig, DatabaseConfig];
    const one = await startNeutron({ database: configs[0] });
    const other = await startNeutron({ database: configs[1] });
    const network = await one.sure('member', 'POST', 'networks', { network: {} });
    await one.sure('member', 'POST', 'subnets', {
      subnet: { network_id: network.id, ip_version: 4, cidr: '10.0.0.0/24' },
    });
    await one.sure('admin', 'PUT', 'quotas/project-a', { quota: { port: 25 } });
    const answers = await Promise.all(
      Array.from(
        { length: 40 },
        async (_, index) =>
          await (index % 2 === 0 ? one : other).ask('member', 'POST', 'ports', {
            port: { network_id: network.id },
          }),
      ),
    );
    const created = answers.filter(({ status }) => status === 201);
    assert.deepEqual(
      [created.length, answers.filter(({ status }) => status === 409).length],
      [25, 15],
    );
    const addresses = created.map(({ body }) => body.port.fixed_ips[0].ip_address);
    assert.equal(new Set(addresses).size, 25);
    await one.close();
    await other.close();
  });
});
