// A write that the database refuses because the disk is full changes nothing, not even in memory.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { sql } from 'kysely';
import { openDatabase } from '#platform/db/database.ts';
import { silentLog } from '#platform/log.ts';
import { eventually } from '#platform/testing/eventually.ts';
import type { KubeTables } from '../store/tables.ts';
import { patches, startTestApiserver } from './apiserver.testing.ts';

const maps = '/api/v1/namespaces/default/configmaps';

it('on a full disk writes are refused (507), reads go on, and memory is what the database is', async () => {
  const database = openDatabase<KubeTables>(
    { dialect: 'sqlite', path: ':memory:' },
    { log: silentLog },
  );
  const kube = await startTestApiserver({ database });
  await eventually(async () => (await kube.ask('GET', `${maps}/kube-root-ca.crt`)).status === 200, {
    withinMs: 10_000,
    what: 'the namespace default is furnished',
  });
  const pages = async (): Promise<number> =>
    (await sql<{ page_count: number }>`pragma page_count`.execute(database.db)).rows[0]
      ?.page_count ?? 0;
  const limit = async (most: number): Promise<void> =>
    void (await sql.raw(`pragma max_page_count = ${most}`).execute(database.db));
  const large = 'x'.repeat(20_000);
  await limit((await pages()) + 20);
  const create = async (name: string) =>
    await kube.ask('POST', maps, { body: { metadata: { name }, data: { large } } });
  const statuses: number[] = [];
  for (let index = 0; index < 20; index += 1) statuses.push((await create(`m${index}`)).status);
  const createdCount = statuses.filter((status) => status === 201).length;
  assert.ok(createdCount > 0 && createdCount < 20, statuses.join());
  assert.ok(statuses.every((status) => status === 201 || status === 507));
  const grown = await kube.ask('PATCH', `${maps}/m0`, {
    type: patches.merge,
    body: { data: { more: large.repeat(10) } },
  });
  assert.equal(grown.status, 507);
  assert.equal(grown.body.reason, 'InsufficientStorage');
  const before = await kube.must('GET', maps);
  assert.equal(before.items.filter(({ data }: any) => data.large === large).length, createdCount);

  const other = await startTestApiserver({ database });
  assert.deepEqual((await other.must('GET', maps)).items, before.items);
  await other.close();

  await limit(100_000);
  const next = await create('after');
  assert.equal(next.status, 201);
  assert.ok(
    Number(next.body.metadata.resourceVersion) > Number(before.metadata.resourceVersion),
    'revisions go on',
  );
  await kube.close();
  await database.close();
});
