// Who may read the metrics of an embedded cloud.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { metricsPage } from './metrics-page.ts';

const metrics = { text: async () => 'cobalt_starts_total 1' };

test('metrics name hosts, so only programs of the machine read them by default', async () => {
  for (const source of ['127.0.0.1', '127.9.8.7', '::1', '::ffff:127.0.0.1']) {
    const { status, body } = await metricsPage(metrics, 'loopback', source);
    assert.deepEqual([status, body], [200, 'cobalt_starts_total 1'], source);
  }
  for (const source of ['10.0.0.1', '::ffff:10.0.0.1', 'fe80::1', '']) {
    const { status, body } = await metricsPage(metrics, 'loopback', source);
    assert.equal(status, 403, source);
    assert.ok(typeof body === 'string' && body.includes('api.metricsFrom: anywhere'));
    assert.equal((await metricsPage(metrics, 'anywhere', source)).status, 200);
  }
});
