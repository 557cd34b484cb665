// Lists, selectors, pages, tables and watches, also after a restart of the API server.
import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { after, before, describe, it } from 'node:test';
import { systemClock } from '#platform/clock.ts';
import { openDatabase } from '#platform/db/database.ts';
import type { SelfSending } from '#platform/http/self-sending.ts';
import { sendTo } from '#platform/http/self-sending.ts';
import { silentLog } from '#platform/log.ts';
import { eventually } from '#platform/testing/eventually.ts';
import type { KubeTables } from '../store/tables.ts';
import type { TestApiserver } from './apiserver.testing.ts';
import { patches, startTestApiserver } from './apiserver.testing.ts';

const maps = '/api/v1/namespaces/default/configmaps';
const all = '/api/v1/configmaps';

const ready = async (kube: TestApiserver): Promise<void> =>
  await eventually(
    async () => {
      const { body } = await kube.ask('GET', all);
      return body.items.length >= 4; // one in each of the four namespaces
    },
    { withinMs: 10_000, what: 'the first namespaces are there' },
  ).then(() => undefined);

/** Opens a watch and collects its events. */
function follow(kube: TestApiserver, path: string) {
  const events: any[] = [];
  const stream = new PassThrough();
  let rest = '';
  stream.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    events.push(...lines.map((line) => JSON.parse(line) as unknown));
  });
  const ended = kube.raw('GET', path).then(async ({ status, body }) => {
    assert.equal(status, 200);
    await (body as SelfSending)[sendTo](stream);
  });
  return { events, ended, stop: () => stream.destroy() };
}

describe('lists and watches', () => {
  let kube: TestApiserver;
  before(async () => {
    kube = await startTestApiserver();
    await ready(kube);
    for (const [name, labels] of [
      ['a', { color: 'red', size: 's' }],
      ['b', { color: 'blue' }],
      ['c', { size: 'm' }],
    ] as const)
      await kube.must('POST', maps, { body: { metadata: { name, labels }, data: { name } } });
  });
  after(async () => await kube.close());

  const names = async (query: string): Promise<string[]> =>
    (await kube.must('GET', `${maps}?${query}`)).items
      .map(({ metadata }: any) => metadata.name as string)
      .filter((name: string) => name.length === 1);

  it('labels select', async () => {
    const cases: Record<string, string[]> = {
      'color=red': ['a'],
      'color==red,size=s': ['a'],
      'color!=red,size': ['c'],
      'color in (red, blue)': ['a', 'b'],
      'color notin (red),color': ['b'],
      '!color,size': ['c'],
    };
    for (const [selector, found] of Object.entries(cases))
      assert.deepEqual(
        await names(`labelSelector=${encodeURIComponent(selector)}`),
        found,
        selector,
      );
    const wrong = await kube.ask('GET', `${maps}?labelSelector=${encodeURIComponent('a=b=c')}`);
    assert.equal(wrong.status, 400);
  });

  it('fields select; others are refused', async () => {
    assert.deepEqual(await names('fieldSelector=metadata.name%3Db'), ['b']);
    assert.deepEqual(await names('fieldSelector=metadata.name!%3Db,metadata.name!%3Da'), ['c']);
    const wrong = await kube.ask('GET', `${maps}?fieldSelector=data.x%3Db`);
    assert.equal(wrong.status, 400);
    assert.match(wrong.body.message, /field label not supported: data\.x/);
  });

  it('pages give everything once, and say how much is left', async () => {
    const whole = (await kube.must('GET', all)).items.map(({ metadata }: any) => metadata.uid);
    const uids: string[] = [];
    let token = '';
    do {
      const page = await kube.must('GET', `${all}?limit=2&continue=${token}`);
      uids.push(...page.items.map(({ metadata }: any) => metadata.uid));
      token = page.metadata.continue ?? '';
      assert.equal(page.metadata.remainingItemCount ?? 0, whole.length - uids.length);
    } while (token !== '');
    assert.deepEqual(uids, whole);
    assert.equal((await kube.ask('GET', `${all}?continue=nonsense`)).status, 400);
  });

  it('a table has the columns of its kind', async () => {
    const { body } = await kube.ask('GET', `${maps}?fieldSelector=metadata.name%3Da`, {
      accept: 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json',
    });
    assert.equal(body.kind, 'Table');
    assert.deepEqual(
      body.columnDefinitions.map(({ name }: any) => name),
      ['Name', 'Data', 'Age'],
    );
    assert.deepEqual(body.rows[0].cells.slice(0, 2), ['a', 1]);
    assert.equal(body.rows[0].object.kind, 'PartialObjectMetadata');
  });

  it('a watch tells every change from where the list was, in order', async () => {
    const { metadata } = await kube.must('GET', maps);
    await kube.must('POST', maps, { body: { metadata: { name: 'w1' } } });
    const watch = follow(kube, `${maps}?watch=true&resourceVersion=${metadata.resourceVersion}`);
    await kube.must('PATCH', `${maps}/w1`, { type: patches.merge, body: { data: { x: '1' } } });
    await kube.must('DELETE', `${maps}/w1`);
    await eventually(() => watch.events.length === 3, { withinMs: 10_000, what: 'three events' });
    assert.deepEqual(
      watch.events.map(({ type, object }) => [type, object.metadata.name]),
      [
        ['ADDED', 'w1'],
        ['MODIFIED', 'w1'],
        ['DELETED', 'w1'],
      ],
    );
    const versions = watch.events.map(({ object }) => Number(object.metadata.resourceVersion));
    assert.deepEqual(
      versions,
      [...versions].sort((a, b) => a - b),
    );
    watch.stop();
    await watch.ended;
  });

  it('to a selector, an object that begins to match is new, and one that ceases is gone', async () => {
    const { metadata } = await kube.must('GET', maps);
    const watch = follow(
      kube,
      `${maps}?watch=1&labelSelector=on%3Dyes&resourceVersion=${metadata.resourceVersion}`,
    );
    const label = async (on: string | null) =>
      await kube.must('PATCH', `${maps}/b`, {
        type: patches.merge,
        body: { metadata: { labels: { on } } },
      });
    await label('yes');
    await label('no');
    await label(null);
    await eventually(() => watch.events.length === 2, { withinMs: 10_000, what: 'two events' });
    assert.deepEqual(
      watch.events.map(({ type }) => type),
      ['ADDED', 'DELETED'],
    );
    watch.stop();
    await watch.ended;
  });

  it('a watch without a version begins with what is there; bookmarks end that on demand', async () => {
    const watch = follow(
      kube,
      `${maps}?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true`,
    );
    await eventually(() => watch.events.at(-1)?.type === 'BOOKMARK', {
      withinMs: 10_000,
      what: 'the bookmark',
    });
    const bookmark = watch.events.at(-1);
    assert.equal(bookmark.object.metadata.annotations['k8s.io/initial-events-end'], 'true');
    assert.ok(watch.events.slice(0, -1).every(({ type }) => type === 'ADDED'));
    watch.stop();
    await watch.ended;
  });

  it('a watch ends when its time is over', async () => {
    const watch = follow(kube, `${maps}?watch=1&timeoutSeconds=1&resourceVersion=0`);
    await watch.ended;
  });
});

it('an event goes after an hour, unless the same has happened again', async () => {
  let aheadMs = 0;
  const clock = { ...systemClock, now: () => systemClock.now() + aheadMs };
  const database = openDatabase<KubeTables>(
    { dialect: 'sqlite', path: ':memory:' },
    { log: silentLog },
  );
  const path = '/api/v1/namespaces/default/events';
  const first = await startTestApiserver({ database, clock });
  await ready(first);
  const lastTimestamp = new Date(clock.now()).toISOString();
  for (const name of ['old', 'again'])
    await first.must('POST', path, { body: { metadata: { name }, lastTimestamp } });
  aheadMs = 3_700_000;
  await first.must('PATCH', `${path}/again`, {
    type: patches.merge,
    body: { lastTimestamp: new Date(clock.now()).toISOString() },
  });
  await first.close();
  const second = await startTestApiserver({ database, clock });
  await eventually(async () => (await second.ask('GET', `${path}/old`)).status === 404, {
    withinMs: 5_000,
    what: 'the old one is gone',
  });
  assert.equal((await second.ask('GET', `${path}/again`)).status, 200);
  await second.close();
  await database.close();
});

it('objects survive a restart, and a watch from before it has to list again', async () => {
  const database = openDatabase<KubeTables>(
    { dialect: 'sqlite', path: ':memory:' },
    { log: silentLog },
  );
  const first = await startTestApiserver({ database });
  await ready(first);
  const old = await first.must('POST', maps, { body: { metadata: { name: 'kept' } } });
  await first.must('POST', maps, { body: { metadata: { name: 'gone' } } });
  await first.must('DELETE', `${maps}/gone`);
  const { metadata } = await first.must('GET', maps);
  await first.close();
  const second = await startTestApiserver({ database });
  assert.deepEqual(await second.must('GET', `${maps}/kept`), old);
  assert.equal((await second.ask('GET', `${maps}/gone`)).status, 404);
  const next = await second.must('POST', maps, { body: { metadata: { name: 'next' } } });
  assert.ok(Number(next.metadata.resourceVersion) > Number(metadata.resourceVersion));
  const watch = follow(second, `${maps}?watch=1&resourceVersion=${old.metadata.resourceVersion}`);
  await watch.ended;
  assert.equal(watch.events[0].type, 'ERROR');
  assert.equal(watch.events[0].object.code, 410);
  await second.close();
  await database.close();
});
