// What queries and transactions meet when the database server is killed and comes back.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { sql } from 'kysely';
import type { Database } from './database.ts';
import { openDatabase } from './database.ts';
import { isUnavailable, isUnreachable } from './errors.ts';
import { mariadbMissing, startMariadb, type RestartableMariadb } from './mariadb.testing.ts';
import { transaction } from './transaction.ts';

describe('a MariaDB that is killed', { skip: await mariadbMissing() }, () => {
  let mariadb: RestartableMariadb;
  let database: Database<{ box: { id: number; size: number } }>;
  before(async () => {
    mariadb = await startMariadb();
    database = openDatabase(await mariadb.createDatabase(), {
      log: { debug: () => undefined, warn: () => undefined },
    });
    await sql`create table box (id int primary key, size int not null)`.execute(database.db);
    await sql`insert into box values (1, 0), (2, 0)`.execute(database.db);
  });
  after(async () => {
    await database?.close();
    await mariadb?.stop();
  });
  const sizes = async (): Promise<number[]> =>
    (await database.db.selectFrom('box').select('size').orderBy('id').execute()).map(
      ({ size }) => size,
    );
  const error = async (work: Promise<unknown>): Promise<unknown> =>
    await work.then(
      () => assert.fail('no error'),
      (reason: unknown) => reason,
    );

  it('is told as unreachable by what ran, by what begins, and with a cause around it', async () => {
    const running = error(sql`select sleep(30)`.execute(database.db));
    const idle = error(
      transaction(database.db, async (trx) => {
        await trx.updateTable('box').set({ size: 9 }).execute();
        await mariadb.kill();
        await trx.selectFrom('box').selectAll().execute();
      }),
    );
    const reasons = [await running, await idle, await error(sizes())];
    assert.deepEqual(reasons.map(isUnreachable), [true, true, true]);
    assert.ok(isUnavailable(new Error('claim', { cause: reasons[0] })));
    assert.ok(!isUnreachable(new Error('connect ECONNREFUSED')), 'of another server');
    await mariadb.restart();
    assert.deepEqual(await sizes(), [0, 0], 'what was not committed is not there');
  });

  it('interrupts a transaction that then runs again from its start', async () => {
    let attempts = 0;
    await transaction(database.db, async (trx) => {
      attempts += 1;
      await trx
        .updateTable('box')
        .set((eb) => ({ size: eb('size', '+', 1) }))
        .execute();
      if (attempts > 1) return;
      await mariadb.kill();
      await mariadb.restart();
      await trx.selectFrom('box').selectAll().execute();
    });
    assert.equal(attempts, 2);
    assert.deepEqual(await sizes(), [1, 1]);
  });

  it('has single statements that cross each other tried again', async () => {
    const cross = async (order: 'asc' | 'desc'): Promise<void> => {
      for (let round = 0; round < 50; round += 1)
        await sql`update box set size = size + 1 order by id ${sql.raw(order)}`.execute(
          database.db,
        );
    };
    await Promise.all([cross('asc'), cross('desc'), cross('asc'), cross('desc')]);
    assert.deepEqual(await sizes(), [201, 201]);
  });
});
