// Tasks run periodically, one run of each at a time, and end when stopped.
import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { systemClock } from '../clock.ts';
import { systemIds } from '../ids.ts';
import { silentLog } from '../log.ts';
import { eventually } from '../testing/eventually.ts';
import type { TaskRunner } from './tasks.ts';
import { createTaskRunner } from './tasks.ts';

let runner: TaskRunner;
const begin = (log = silentLog): TaskRunner =>
  (runner = createTaskRunner({ clock: systemClock, ids: systemIds, log }));
afterEach(async () => await runner.stop());

describe('a background task', () => {
  it('runs again and again, also after it has failed, which is told', async () => {
    let [runs, errors] = [0, 0];
    begin({ ...silentLog, error: () => void (errors += 1) }).start([
      {
        name: 't.count',
        everyMs: 5,
        scope: 'every',
        run: async () => {
          runs += 1;
          if (runs % 2 === 1) throw new Error('every other time');
        },
      },
    ]);
    await eventually(() => runs >= 4, { withinMs: 5_000, what: 'four runs' });
    assert.ok(errors >= 2);
  });

  it('waits its period first, unless it runs at start', async () => {
    const runs: string[] = [];
    begin().start([
      {
        name: 't.later',
        everyMs: 3_600_000,
        scope: 'every',
        run: async () => void runs.push('later'),
      },
      {
        name: 't.now',
        everyMs: 3_600_000,
        scope: 'every',
        atStart: true,
        run: async () => void runs.push('now'),
      },
    ]);
    await eventually(() => runs.length > 0, { withinMs: 2_000, what: 'the first run' });
    assert.deepEqual(runs, ['now']);
  });

  it('never overlaps itself, and does not hold others up', async () => {
    let [inside, most, quick] = [0, 0, 0];
    begin().start([
      {
        name: 't.slow',
        everyMs: 1,
        scope: 'every',
        run: async () => {
          most = Math.max(most, ++inside);
          await systemClock.sleep(30);
          inside -= 1;
        },
      },
      { name: 't.quick', everyMs: 1, scope: 'every', run: async () => void (quick += 1) },
    ]);
    await eventually(() => quick > 10, { withinMs: 5_000, what: 'the quick one' });
    assert.equal(most, 1);
  });

  it('is told to end by its signal, and stop waits for it', async () => {
    let state = 'not begun';
    begin().start([
      {
        name: 't.long',
        everyMs: 1,
        scope: 'every',
        atStart: true,
        run: async (signal) => {
          state = 'running';
          await systemClock.sleep(60_000, { signal }).catch(() => undefined);
          state = 'ended';
        },
      },
    ]);
    await eventually(() => state === 'running', { withinMs: 2_000, what: 'it runs' });
    await runner.stop();
    assert.equal(state, 'ended');
  });
});
