// Virtual time stands still while anything runs, and fires timers in a fixed order.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createFakeClock } from './fake-clock.ts';

const hourMs = 3_600_000;

describe('a fake clock', () => {
  it('jumps to the next timer when nothing is left to run', async () => {
    const clock = createFakeClock({ startMs: 1_000 });
    await clock.sleep(hourMs);
    assert.equal(clock.now(), 1_000 + hourMs);
    assert.equal(clock.monotonicMs(), hourMs);
  });

  it('fires timers by their moments, and those of one moment in the order they were made', async () => {
    const clock = createFakeClock();
    const fired: string[] = [];
    const timer = (name: string, ms: number) => clock.after(ms, () => void fired.push(name));
    timer('c', 20);
    timer('a', 10);
    timer('b', 10);
    timer('stopped', 15).stop();
    await clock.sleep(30);
    assert.deepEqual(fired, ['a', 'b', 'c']);
  });

  it('stands still while files are read', async () => {
    const clock = createFakeClock({ startMs: 0 });
    let readAtMs = -1;
    const reading = readFile(fileURLToPath(import.meta.url)).then(() => (readAtMs = clock.now()));
    await clock.sleep(hourMs);
    await reading;
    assert.equal(readAtMs, 0);
  });

  it('does not move for background work, which runs on the way', async () => {
    const clock = createFakeClock({ startMs: 0 });
    const runsAtMs: number[] = [];
    const repetition = clock.every(10, () => void runsAtMs.push(clock.now()), {
      onError: assert.fail,
    });
    for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(runsAtMs, []);
    await clock.sleep(35);
    assert.deepEqual(runsAtMs, [10, 20, 30]);
    await repetition.stop();
  });

  it('moves for sleeps alone where told so', async () => {
    const clock = createFakeClock({ startMs: 0, movedBy: 'sleeps' });
    let passed = false;
    const timer = clock.after(10, () => (passed = true));
    for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(passed, false);
    await clock.sleep(20);
    assert.equal(passed, true);
    timer.stop();
  });

  it('is moved by hand, through all timers on the way', async () => {
    const clock = createFakeClock({ startMs: 0, movedBy: 'advance' });
    const wokenAtMs: number[] = [];
    const worker = (async (): Promise<void> => {
      for (let turn = 0; turn < 3; turn += 1) {
        await clock.sleep(10);
        wokenAtMs.push(clock.now());
      }
    })();
    await clock.advance(25);
    assert.deepEqual(wokenAtMs, [10, 20]);
    assert.equal(clock.now(), 25);
    await clock.advance(5);
    await worker;
    assert.deepEqual(wokenAtMs, [10, 20, 30]);
  });

  it('fires what is due after a jump', async () => {
    const clock = createFakeClock({ startMs: 0, movedBy: 'advance' });
    const sleeping = clock.sleep(hourMs);
    clock.nowMs = 2 * hourMs;
    await sleeping;
    assert.equal(clock.now(), 2 * hourMs);
  });
});
