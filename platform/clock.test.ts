// Sleeping ends early when told to; a deadline answers for work that does not.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isoMicroseconds, isoSeconds, systemClock, withDeadline } from './clock.ts';

const moment = Date.UTC(2026, 10, 22, 18, 2, 27, 45);

describe('the clock', () => {
  it('writes times as the services do', () => {
    assert.equal(isoSeconds(moment), '2026-11-22T18:02:27Z');
    assert.equal(isoMicroseconds(moment), '2026-11-22T18:02:27.045000Z');
  });
  it('sleeps as long as asked', async () => {
    const before = performance.now();
    await systemClock.sleep(30);
    assert.ok(performance.now() - before >= 29);
  });
  it('wakes when the signal says so, and does not fall asleep after it', async () => {
    const stop = new AbortController();
    const sleeping = systemClock.sleep(60_000, { signal: stop.signal });
    stop.abort();
    await assert.rejects(sleeping, { name: 'AbortError' });
    await assert.rejects(systemClock.sleep(60_000, { signal: stop.signal }), {
      name: 'AbortError',
    });
  });
});

describe('a deadline', () => {
  it('lets work in time pass, and its errors', async () => {
    assert.equal(await withDeadline(Promise.resolve('done'), 1_000, () => 'late'), 'done');
    await assert.rejects(
      withDeadline(Promise.reject(new Error('a bug')), 1_000, () => 'late'),
      /a bug/,
    );
  });
  it('answers for work that is late, whose end nobody hears', async () => {
    let fail = (_error: Error): void => undefined;
    const work = new Promise<string>((_resolve, reject) => (fail = reject));
    assert.equal(await withDeadline(work, 5, () => 'late'), 'late');
    fail(new Error('unheard')); // would end the process if nobody listened
    await systemClock.sleep(1);
  });
});
