// A sleep ends early on its signal; a deadline answers in place of work that takes too long.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DeadlinePassed, isoMicroseconds, isoSeconds, systemClock, withDeadline } from './clock.ts';
import { seededIds } from './ids.ts';
import { createFakeClock } from './testing/fake-clock.ts';

const moment = Date.UTC(2026, 10, 22, 18, 2, 27, 45);

describe('the clock', () => {
  it('writes times as the services do', () => {
    assert.equal(isoSeconds(moment), '2026-11-22T18:02:27Z');
    assert.equal(isoMicroseconds(moment), '2026-11-22T18:02:27.045000Z');
  });

  it('are those of toISOString, of any day', () => {
    const { random } = seededIds(1);
    const times = Array.from({ length: 5_000 }, () => Math.floor((random() - 0.2) * 2e14));
    for (const ms of [...times, 0, -1, 999, 1_000, 86_399_999, 86_400_000, 253_402_300_799_999]) {
      const expected = new Date(ms).toISOString();
      assert.equal(isoSeconds(ms), expected.replace(/\.\d+Z$/, 'Z'));
      assert.equal(isoMicroseconds(ms), expected.replace(/Z$/, '000Z'));
    }
    assert.throws(() => isoSeconds(NaN), RangeError);
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
    assert.equal(
      await withDeadline(Promise.resolve('done'), 1_000, () => 'late', systemClock),
      'done',
    );
    await assert.rejects(
      withDeadline(Promise.reject(new Error('a bug')), 1_000, () => 'late', systemClock),
      /a bug/,
    );
  });
  it('answers for work that is late, whose end nobody hears', async () => {
    let fail = (_error: Error): void => undefined;
    const work = new Promise<string>((_resolve, reject) => (fail = reject));
    assert.equal(await withDeadline(work, 5, () => 'late', systemClock), 'late');
    fail(new Error('unheard')); // unhandled, this rejection would end the process
    await systemClock.sleep(1);
  });
});

describe('a repetition', () => {
  it('begins each run its pause after the end of the one before', async () => {
    const clock = createFakeClock({ startMs: 0 });
    const begunAtMs: number[] = [];
    const work = async (): Promise<void> => {
      begunAtMs.push(clock.now());
      await clock.sleep(25);
    };
    const repetition = clock.every(10, work, { onError: assert.fail });
    await clock.sleep(100);
    assert.deepEqual(begunAtMs, [10, 45, 80]);
    await repetition.stop();
  });

  it('begins at once where told so, and spreads its pauses', async () => {
    const clock = createFakeClock({ startMs: 0 });
    const begunAtMs: number[] = [];
    const chances = [0, 0.5, 0.999_999];
    const repetition = clock.every(100, () => void begunAtMs.push(clock.now()), {
      onError: assert.fail,
      atOnce: true,
      jitter: { share: 0.2, random: () => chances.shift() ?? 0.5 },
    });
    await clock.sleep(310);
    assert.deepEqual(begunAtMs, [0, 80, 180, 299]);
    await repetition.stop();
  });

  it('tells what a run threw, and goes on', async () => {
    const clock = createFakeClock();
    const errors: unknown[] = [];
    let runs = 0;
    const work = (): void => {
      runs += 1;
      if (runs === 1) throw new Error('a bug');
    };
    const repetition = clock.every(10, work, { onError: (error) => void errors.push(error) });
    await clock.sleep(35);
    assert.equal(runs, 3);
    assert.deepEqual(errors, [new Error('a bug')]);
    await repetition.stop();
  });

  it('waits at its stop for the run in hand, which may end by throwing', async () => {
    const clock = createFakeClock({ startMs: 0 });
    let ended = false;
    const work = async (signal: AbortSignal): Promise<void> => {
      await clock.sleep(50);
      ended = true;
      signal.throwIfAborted();
    };
    const repetition = clock.every(10, work, { onError: assert.fail });
    await clock.sleep(20);
    await repetition.stop();
    assert.deepEqual([ended, clock.now()], [true, 60]);
    await clock.sleep(1_000);
    assert.equal(clock.now(), 1_060);
  });
});

describe('a deadline as a signal', () => {
  it('is aborted when the time is over, unless it was cleared', async () => {
    const clock = createFakeClock();
    const [passed, cleared] = [clock.deadline(10), clock.deadline(10)];
    cleared.clear();
    await clock.sleep(20);
    assert.ok(passed.signal.reason instanceof DeadlinePassed);
    assert.equal(cleared.signal.aborted, false);
  });
});
