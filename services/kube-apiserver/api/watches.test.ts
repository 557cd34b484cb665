// Watches under load: readers that stop reading, many watches, kinds that are deleted, and
// concurrent writers.
import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { after, before, describe, it } from 'node:test';
import { isSelfSending, sendTo } from '#platform/http/self-sending.ts';
import { eventually } from '#platform/testing/eventually.ts';
import type { TestApiserver } from './apiserver.testing.ts';
import {
  patches,
  startTestApiserver,
  untilFurnished,
  widgetDefinition,
} from './apiserver.testing.ts';

const maps = '/api/v1/namespaces/default/configmaps';

interface Watching {
  events: any[];
  sink: Writable;
  ended: Promise<void>;
  /** Reads everything that is waiting to be read. */
  read(): void;
}

/** Opens a watch. `reads`: its events are read at once, otherwise only when `read` is called. */
async function watch(kube: TestApiserver, path: string, reads = true): Promise<Watching> {
  const { status, body } = await kube.raw('GET', path);
  assert.equal(status, 200);
  assert.ok(isSelfSending(body));
  const events: any[] = [];
  let [isReading, waiting] = [reads, (): void => undefined];
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      for (const line of chunk.toString().split('\n'))
        if (line !== '') events.push(JSON.parse(line));
      if (isReading) done();
      else waiting = done;
    },
  });
  return {
    events,
    sink,
    ended: body[sendTo](sink),
    read() {
      isReading = true;
      waiting();
    },
  };
}

describe('watches', () => {
  let kube: TestApiserver;
  before(async () => {
    kube = await startTestApiserver();
    await untilFurnished(kube);
  });
  after(async () => await kube.close());

  const large = 'x'.repeat(100_000);

  it('a watch whose client does not read buffers little, and continues without a gap', async () => {
    for (let index = 0; index < 120; index += 1)
      await kube.must('POST', maps, {
        body: { metadata: { name: `m${index}`, labels: { of: 'many' } }, data: { large } },
      });
    const slow = await watch(kube, `${maps}?watch=1&labelSelector=of%3Dmany`, false);
    await kube.must('PATCH', `${maps}/m0`, { type: patches.merge, body: { data: { a: 'b' } } });
    assert.ok(slow.sink.writableLength < 2 * large.length, `${slow.sink.writableLength}`);
    slow.read();
    await eventually(() => slow.events.length === 121, { withinMs: 10_000, what: 'all events' });
    assert.equal(slow.events.at(-1).object.data.a, 'b');
    slow.sink.destroy();
    await slow.ended;
  });

  it('one whose place is forgotten is told to list again', async () => {
    const { metadata } = await kube.must('GET', `${maps}?limit=1`);
    const path = `${maps}?watch=1&resourceVersion=${metadata.resourceVersion}`;
    const [slow, idle] = [
      await watch(kube, path, false),
      await watch(kube, path.replace('configmaps', 'secrets')),
    ];
    for (let index = 0; index < 700; index += 1)
      await kube.must('PATCH', `${maps}/m1`, {
        type: patches.merge,
        body: { data: { a: `${index}` } },
      });
    assert.ok(slow.sink.writableLength < 2 * large.length);
    slow.read();
    await slow.ended;
    assert.equal(slow.events.at(-1).type, 'ERROR');
    assert.equal(slow.events.at(-1).object.code, 410);
    // Changes of another kind do not make an idle watch expire.
    await kube.must('POST', maps.replace('configmaps', 'secrets'), {
      body: { metadata: { name: 's' } },
    });
    await eventually(() => idle.events.length === 1, { withinMs: 5_000, what: 'its event' });
    assert.equal(idle.events[0].type, 'ADDED');
    idle.sink.destroy();
    await idle.ended;
  });

  it('two thousand are told of one change', async () => {
    const { metadata } = await kube.must('GET', `${maps}?limit=1`);
    const all = await Promise.all(
      Array.from(
        { length: 2_000 },
        async () =>
          await watch(kube, `${maps}?watch=1&resourceVersion=${metadata.resourceVersion}`),
      ),
    );
    await kube.must('POST', maps, { body: { metadata: { name: 'one' } } });
    await eventually(() => all.every(({ events }) => events.length === 1), {
      withinMs: 10_000,
      what: 'all are told',
    });
    for (const { sink } of all) sink.destroy();
    await Promise.all(all.map(async ({ ended }) => await ended));
  });

  it('one object of many is told to those who watch it, and is parsed for them alone', async () => {
    const { metadata } = await kube.must('GET', `${maps}?limit=1`);
    const from = `watch=1&resourceVersion=${metadata.resourceVersion}`;
    const of = async (fields: string) =>
      await watch(kube, `${maps}?${from}&fieldSelector=${encodeURIComponent(fields)}`);
    const [own, others, twice, none] = await Promise.all([
      of('metadata.name=mine'),
      of('metadata.name!=mine'),
      of('metadata.namespace=default,metadata.name==mine'),
      of('metadata.name=mine,metadata.name=yours'),
    ]);
    for (const name of ['mine', 'yours'])
      await kube.must('POST', maps, { body: { metadata: { name } } });
    const names = ({ events }: Watching): string[] =>
      events.map(({ object }) => object.metadata.name as string);
    await eventually(() => names(others).includes('yours'), { withinMs: 5_000, what: 'yours' });
    await eventually(() => names(own).length > 0 && names(twice).length > 0, {
      withinMs: 5_000,
      what: 'mine',
    });
    assert.deepEqual([own, others, twice, none].map(names), [['mine'], ['yours'], ['mine'], []]);
    const listed = await kube.must('GET', `${maps}?fieldSelector=metadata.name%3Dyours`);
    assert.equal(listed.items.length, 1);

    const parse = JSON.parse;
    let parsed = 0;
    const many = await Promise.all(
      Array.from({ length: 200 }, async (_, at) => await of(`metadata.name=absent-${at}`)),
    );
    JSON.parse = (...words: Parameters<typeof parse>) => {
      if (words[0].includes('"mine"')) parsed += 1;
      return parse(...words) as unknown;
    };
    try {
      await kube.must('PATCH', `${maps}/mine`, { type: patches.merge, body: { data: { a: 'b' } } });
      await eventually(() => own.events.length === 2, { withinMs: 5_000, what: 'its change' });
    } finally {
      JSON.parse = parse;
    }
    assert.ok(parsed < 50, `it was parsed ${parsed} times`);
    const all = [own, others, twice, none, ...many];
    for (const { sink } of all) sink.destroy();
    await Promise.all(all.map(async ({ ended }) => await ended));
  });

  it('ends with the definition of its kind', async () => {
    const crds = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
    const widgets = '/apis/example.org/v1/namespaces/default/widgets';
    await kube.must('POST', crds, { body: widgetDefinition() });
    await eventually(async () => (await kube.ask('GET', widgets)).status === 200, {
      withinMs: 5_000,
      what: 'widgets are served',
    });
    await kube.must('POST', widgets, { body: { metadata: { name: 'w' }, spec: { size: 1 } } });
    const open = await watch(kube, `${widgets}?watch=1`);
    await kube.must('DELETE', `${crds}/widgets.example.org`);
    await open.ended;
    assert.deepEqual(
      open.events.map(({ type }) => type),
      ['ADDED', 'DELETED'],
    );
  });

  it('writers that race lose nothing: every change is told once, in order', async () => {
    const { metadata } = await kube.must('GET', `${maps}?limit=1`);
    const watched = await watch(
      kube,
      `${maps}?watch=1&fieldSelector=metadata.name%3Draced&resourceVersion=${metadata.resourceVersion}`,
    );
    const path = `${maps}/raced`;
    const outcomes: string[] = [];
    const racer = async (first: number): Promise<void> => {
      for (let index = first; index < 300; index += 10) {
        const [create, patch] = [{ metadata: { name: 'raced' } }, { data: { [`k${index}`]: 'v' } }];
        const { status } =
          index % 3 === 0
            ? await kube.ask('POST', maps, { body: create })
            : index % 3 === 1
              ? await kube.ask('PATCH', path, { type: patches.merge, body: patch })
              : await kube.ask('DELETE', path);
        outcomes.push(`${index % 3} ${status}`);
      }
    };
    await Promise.all(Array.from({ length: 10 }, async (_, first) => await racer(first)));
    const [createdCount, changedCount, deletedCount] = ['0 201', '1 200', '2 200'].map(
      (each) => outcomes.filter((outcome) => outcome === each).length,
    ) as [number, number, number];
    await eventually(() => watched.events.length === createdCount + changedCount + deletedCount, {
      withinMs: 5_000,
      what: `${createdCount} + ${changedCount} + ${deletedCount} events`,
    });
    assert.ok(
      createdCount > 1 && deletedCount > 1,
      `${createdCount} ${changedCount} ${deletedCount}`,
    );
    const revisions = watched.events.map(({ object }) => Number(object.metadata.resourceVersion));
    assert.ok(revisions.every((each, index) => index === 0 || each > (revisions[index - 1] ?? 0)));
    let keys = new Set<string>();
    for (const { type, object } of watched.events) {
      const now = new Set(Object.keys(object.data ?? {}));
      if (type === 'ADDED') assert.equal(now.size, 0);
      else if (type === 'MODIFIED')
        assert.deepEqual(
          [...keys].filter((key) => !now.has(key)),
          [],
        );
      keys = type === 'DELETED' ? new Set() : now;
    }
    const last = await kube.ask('GET', path);
    assert.deepEqual(new Set(Object.keys(last.body.data ?? {})), keys);
    watched.sink.destroy();
    await watched.ended;
  });
});
