// What a work queue tells of its work, by controller-runtime's names.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createMetrics } from '../metrics/metrics.ts';
import { eventually } from '../testing/eventually.ts';
import { createFakeClock } from '../testing/fake-clock.ts';
import { createQueueMetrics } from './queue-metrics.ts';
import type { WorkQueueOptions } from './work-queue.ts';
import { createWorkQueue } from './work-queue.ts';

function queueOf(work: WorkQueueOptions['work']) {
  const metrics = createMetrics();
  const clock = createFakeClock();
  const queue = createWorkQueue(clock, {
    work,
    onError: () => undefined,
    concurrency: 1,
    metrics: { of: createQueueMetrics(metrics), name: 'ready' },
  });
  /** Values by name and labels, without `controller` and `name`, which are always the queue's. */
  const values = async (): Promise<Record<string, number>> =>
    Object.fromEntries(
      [...(await metrics.text()).matchAll(/^((?:controller_runtime|workqueue)\S+) (\S+)$/gm)].map(
        ([, series = '', value]) => [
          series.replace(/(controller|name)="ready",?/, '').replace(/,?\}$/, '}'),
          Number(value),
        ],
      ),
    );
  const settles = async (): Promise<void> =>
    void (await eventually(() => queue.size === 0, {
      withinMs: 2_000,
      what: 'the queue is empty',
    }));
  return { clock, queue, values, settles };
}

describe('the metrics of a work queue', () => {
  it('begin with 0, so that the first event is a change', async () => {
    const { values } = queueOf(async () => undefined);
    const all = await values();
    for (const series of [
      'controller_runtime_reconcile_total{result="error"}',
      'controller_runtime_reconcile_errors_total{}',
      'workqueue_depth{}',
      'workqueue_adds_total{}',
      'workqueue_retries_total{}',
    ])
      assert.equal(all[series], 0, series);
  });

  it('count each look by what it ended with', async () => {
    const { queue, values, settles } = queueOf(async (key) => {
      if (key === 'fails') throw new Error('on purpose');
      return key === 'later' ? 1_000 : undefined;
    });
    for (const key of ['a', 'b', 'fails', 'later']) queue.add(key);
    await settles();
    const all = await values();
    assert.deepEqual(
      [
        'controller_runtime_reconcile_total{result="success"}',
        'controller_runtime_reconcile_total{result="error"}',
        'controller_runtime_reconcile_total{result="requeue_after"}',
        'controller_runtime_reconcile_errors_total{}',
        'controller_runtime_reconcile_time_seconds_count{}',
        'workqueue_adds_total{}',
        'workqueue_retries_total{}',
      ].map((series) => all[series]),
      [2, 1, 1, 1, 4, 4, 2],
    );
    await queue.stop();
  });

  it('tell how many wait, each once, and how long a look took', async () => {
    const gate = Promise.withResolvers<void>();
    const { clock, queue, values, settles } = queueOf(async () => await gate.promise);
    for (const key of ['a', 'b', 'c', 'c']) queue.add(key);
    assert.equal((await values())['workqueue_depth{}'], 2, 'a is looked at');
    await clock.advance(2_000);
    gate.resolve();
    await settles();
    const all = await values();
    assert.equal(all['workqueue_depth{}'], 0);
    assert.equal(all['workqueue_adds_total{}'], 3);
    assert.equal(all['controller_runtime_reconcile_time_seconds_sum{}'], 2);
    await queue.stop();
  });
});
