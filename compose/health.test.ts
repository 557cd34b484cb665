// The pages /healthz, /readyz and /metrics of a process.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PageReply } from '#platform/http/server.ts';
import { createMetrics } from '#platform/metrics/metrics.ts';
import { createFakeClock } from '#platform/testing/fake-clock.ts';
import type { Peer } from './health.ts';
import { createHealth } from './health.ts';

const ready = { status: 200, document: { ready: true, troubles: [] } };

function textOf(page: PageReply | undefined): string {
  assert.ok(typeof page?.body === 'string');
  return page.body;
}

function healthOf(...peers: Peer[]) {
  const clock = createFakeClock();
  const health = createHealth(peers, { clock, metrics: createMetrics() });
  const readyz = async () => {
    const page = await health.page('/readyz');
    return { status: page?.status, document: JSON.parse(textOf(page)) as object };
  };
  return { clock, health, readyz };
}
const broker = (trouble: Peer['trouble']): Peer => ({ name: 'bus', trouble });

describe('the health of a process', () => {
  it('is ready while its peers answer, and names those that do not', async () => {
    assert.deepEqual(await healthOf(broker(async () => undefined)).readyz(), ready);
    assert.deepEqual(await healthOf(broker(async () => 'connection refused')).readyz(), {
      status: 503,
      document: { ready: false, troubles: [{ peer: 'bus', trouble: 'connection refused' }] },
    });
    const throwing = healthOf(broker(async () => await Promise.reject(new Error('away'))));
    assert.equal((await throwing.readyz()).status, 503);
  });

  it('does not wait for a peer that never answers', async () => {
    const { clock, readyz } = healthOf(broker(async () => await new Promise(() => undefined)));
    const answer = readyz();
    await clock.advance(2_000);
    assert.deepEqual((await answer).document, {
      ready: false,
      troubles: [{ peer: 'bus', trouble: 'no answer within 2000 ms' }],
    });
  });

  it('is not ready any more once it stops, but alive', async () => {
    const { health, readyz } = healthOf(broker(async () => undefined));
    health.drain();
    assert.equal((await readyz()).status, 503);
    assert.equal((await health.page('/healthz'))?.status, 200);
  });

  it('shows metrics, and nothing else', async () => {
    const { health } = healthOf();
    assert.match(textOf(await health.page('/metrics')), /cobalt_starts_total/);
    assert.equal(await health.page('/compute'), undefined);
  });
});
