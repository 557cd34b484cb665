// The exposition text: what is read at a scrape, what was recorded, and labels of any content.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createMetrics } from './metrics.ts';

describe('the metrics of a process', () => {
  it('read a gauge anew at each scrape, with values that have gone left out', async () => {
    const metrics = createMetrics();
    let names = ['a', 'b'];
    metrics.gauge({ name: 'cobalt_test', help: 'Hosts', labelNames: ['host'] }, () =>
      names.map((host, index) => ({ labels: { host }, value: index })),
    );
    assert.match(
      await metrics.text(),
      /# TYPE cobalt_test gauge\ncobalt_test\{host="a"\} 0\ncobalt_test\{host="b"\} 1\n/,
    );
    names = ['b'];
    assert.match(
      await metrics.text(),
      /# TYPE cobalt_test gauge\ncobalt_test\{host="b"\} 0\n(?!cobalt_test\{)/,
    );
  });

  it('escape what stands in a label, and leave an empty one out', async () => {
    const metrics = createMetrics();
    metrics.gauge({ name: 'cobalt_test', help: 'Hosts' }, () => [
      { labels: { reason: 'a "disk"\nis \\ broken', zone: '' }, value: 1 },
    ]);
    assert.ok(
      (await metrics.text()).includes('cobalt_test{reason="a \\"disk\\"\\nis \\\\ broken"} 1\n'),
    );
  });

  it('list every family of the text', async () => {
    const metrics = createMetrics();
    metrics.gauge({ name: 'cobalt_test', help: 'Hosts' }, () => []);
    const text = await metrics.text();
    const types = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => ({
      name,
      type,
    }));
    assert.ok(types.length > 5);
    assert.deepEqual(
      metrics.families.map(({ name, type }) => ({ name, type })),
      types,
    );
  });
});
