// Runs the database contract (db.testing.ts) on SQLite, and tests what holds for SQLite only.
import { strict as assert } from 'node:assert';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { sql } from 'kysely';
import { FenceLost, withFence } from '../fence.ts';
import { openDatabase } from './database.ts';
import { databaseContract, type ContractTables } from './db.testing.ts';

const folder = mkdtempSync(join(tmpdir(), 'cobalt-sqlite-'));
const log = { debug: () => {}, warn: () => {} };
const open = (path: string, maxStatements = 500) =>
  openDatabase<ContractTables>(
    { dialect: 'sqlite', path: join(folder, path), maxStatements },
    { log },
  );
after(() => rmSync(folder, { recursive: true }));

databaseContract('sqlite', async () => open('contract.db'));

test('sqlite: more different queries than the statement cache holds', async () => {
  const database = open('statements.db', 3);
  for (let round = 0; round < 2; round += 1) {
    for (let n = 0; n < 10; n += 1) {
      const { rows } = await sql<{ n: number }>`select ${sql.raw(String(n))} as n`.execute(
        database.db,
      );
      assert.deepEqual(rows, [{ n }]);
    }
  }
  await database.close();
});

test('sqlite: a limit is an expression, by whose value SQLite does not plan', async () => {
  const database = open('limits.db');
  await sql`create table t (a integer)`.execute(database.db);
  const query = database.db.selectFrom('t' as never).selectAll();
  const limited = query.limit(2).offset(1).compile();
  assert.match(limited.sql, /limit \? \+ 0 offset \?$/, 'a bare ? is prepared again at each run');
  for (const a of [1, 2, 3, 4]) await sql`insert into t values (${a})`.execute(database.db);
  const { rows } = await database.db.executeQuery(limited);
  assert.deepEqual(rows, [{ a: 2 }, { a: 3 }]);
  await database.close();
});

test('sqlite: a cached select * sees a column that was added later', async () => {
  const database = open('columns.db');
  const select = () => sql`select * from t`.execute(database.db);
  await sql`create table t (a integer)`.execute(database.db);
  await sql`insert into t values (1)`.execute(database.db);
  assert.deepEqual((await select()).rows, [{ a: 1 }]);
  await sql`alter table t add column b integer default 2`.execute(database.db);
  assert.deepEqual((await select()).rows, [{ a: 1, b: 2 }]);
  await database.close();
});

test('sqlite: a write under a fence is checked and written at one go, also while another connection writes', async () => {
  const [database, other] = [open('checked.db'), open('checked.db')];
  await sql`create table lease (token integer)`.execute(database.db);
  await sql`create table t (a integer unique)`.execute(database.db);
  await sql`insert into lease values (1)`.execute(database.db);
  const fence = {
    key: 'k',
    token: 1,
    assertHeld: () => undefined,
    check: sql`select token from lease where token = 1`.compile(database.db),
  };
  const insert = async (a: number): Promise<unknown> =>
    await withFence(fence, async () => await sql`insert into t values (${a})`.execute(database.db));

  const { promise: gate, resolve: release } = Promise.withResolvers<void>();
  const writing = Promise.withResolvers<void>();
  const otherWork = other.db.transaction().execute(async (trx) => {
    await sql`insert into t values (1)`.execute(trx);
    writing.resolve();
    await gate;
  });
  await writing.promise;
  const waiting = insert(2);
  release();
  await Promise.all([otherWork, waiting]);
  await assert.rejects(insert(2), /UNIQUE/);
  await insert(3); // the failed insert left no transaction open
  await sql`update lease set token = 2`.execute(other.db);
  await assert.rejects(insert(4), FenceLost);
  const { rows } = await sql<{ a: number }>`select a from t order by a`.execute(database.db);
  assert.deepEqual(
    rows.map(({ a }) => a),
    [1, 2, 3],
  );
  await Promise.all([database.close(), other.close()]);
});
