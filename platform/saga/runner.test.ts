// What the saga engine guarantees for one saga, and for several of one lock key, on a real SQLite
// journal.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fault } from '#contracts/common/fault.ts';
import { systemClock } from '../clock.ts';
import { systemIds } from '../ids.ts';
import { cancelSagas, insertSaga } from './journal.ts';
import type { Input, State } from './letters.testing.ts';
import { begin, letters, life, over, run, runners, useLetters } from './letters.testing.ts';
import { everyStepTwice, failingAt } from './saga.testing.ts';
import { saga } from './saga.ts';

useLetters();

describe('a saga', () => {
  it('runs its steps in order, each with the state of those before', async () => {
    const steps: string[] = [];
    const definition = saga<Input, State>({
      name: 'test.letters',
      steps: [
        { name: 'a', deadlineMs: 1_000, run: async () => ({ a: '1' }) },
        {
          name: 'b',
          deadlineMs: 1_000,
          run: async ({ key }, { a }, { requestId }) => void steps.push(`${key} ${a} ${requestId}`),
        },
      ],
      failed: async () => assert.fail('nothing failed'),
    });
    await begin();
    await run(definition);
    await over();
    assert.deepEqual(steps, ['k 1 req-1']);
  });

  it('unwinds from a returned fault, the failed step first, and tells why', async () => {
    life.hook = (point) => (point === 'run b' ? fault('overQuota', 'no room') : undefined);
    await begin();
    await run(letters());
    await over();
    assert.deepEqual(life.trace, ['run a', 'undo b', 'undo a', 'failed with a']);
    assert.equal(life.reason?.kind, 'overQuota');
    assert.equal(life.reason?.message, 'no room');
  });

  it('unwinds from a thrown error, which becomes a fault that names the step', async () => {
    life.hook = (point) => {
      if (point === 'run c') throw new Error('a bug');
    };
    await begin();
    await run(letters());
    await over();
    assert.deepEqual(life.trace, [
      'run a',
      'run b',
      'undo c',
      'undo b',
      'undo a',
      'failed with ab',
    ]);
    assert.match(life.reason?.message ?? '', /Step c .*a bug/);
  });

  it('tries what is retryable again as often as it says, and nothing else', async () => {
    let left = 2;
    life.hook = (point) =>
      point === 'run b' && left-- > 0 ? fault('unavailable', 'not now') : undefined;
    await begin();
    await run(letters(2));
    await over();
    assert.deepEqual(life.trace, ['run a', 'run b', 'run c']);

    [life.trace, left] = [[], 3];
    await begin('k2');
    runners.at(-1)?.wake();
    await over('k2');
    assert.equal(left, 0, 'tried three times');
    assert.equal(life.trace.at(-1), 'failed with a');

    let hookCalls = 0;
    life.hook = (point) =>
      point === 'run b' && ++hookCalls > 0 ? fault('conflict', 'never') : undefined;
    await begin('k3');
    runners.at(-1)?.wake();
    await over('k3');
    assert.equal(hookCalls, 1);
  });

  it('gives each step its deadline, tells the step by its signal, and unwinds', async () => {
    let aborted = false;
    life.hook = async (point, { signal }) => {
      if (point === 'run b')
        await new Promise<void>((resolve) =>
          signal.addEventListener('abort', () => resolve(void (aborted = true))),
        );
    };
    await begin();
    await run(letters(0, 50));
    await over();
    assert.equal(life.reason?.kind, 'timeout');
    assert.ok(aborted);
    assert.equal(life.trace[0], 'run a');
    assert.ok(life.trace.includes('undo a') && !life.trace.includes('run c'));
  });

  it('cancelled while a step runs, unwinds before the next', async () => {
    life.hook = async (point) => {
      if (point === 'ran a') await cancelSagas(life.database.db, 'k');
    };
    await begin();
    await run(letters());
    await over();
    assert.deepEqual(life.trace, ['run a', 'undo a', 'failed with a']);
    assert.equal(life.reason?.kind, 'conflict');
  });

  it('cancelled before it began, does nothing; it cannot know that no earlier life did', async () => {
    await begin();
    await cancelSagas(life.database.db, 'k');
    await run(letters());
    await over();
    assert.deepEqual(life.trace, ['undo a', 'failed with ']);
  });

  it('tries an undo and the settling until they succeed', async () => {
    let [undos, settles] = [2, 2];
    life.hook = (point) => {
      if (point === 'run b') return fault('conflict', 'no');
      if ((point === 'undo a' && undos-- > 0) || (point === 'failed' && settles-- > 0))
        throw new Error('not yet');
    };
    await begin();
    await run(letters());
    await over();
    assert.deepEqual(life.trace, ['run a', 'undo b', 'undo a', 'failed with a']);
  });
});

describe('sagas of one lock key', () => {
  it('run one after the other, in the order they were begun; other keys do not wait', async () => {
    let release = (): void => undefined;
    const gate = new Promise<void>((resolve) => (release = resolve));
    const order: string[] = [];
    const definition = saga<Input & { n: number }, State>({
      name: 'test.letters',
      steps: [
        {
          name: 'note',
          deadlineMs: 5_000,
          run: async ({ key, n }) => {
            if (key === 'slow' && n === 1) await gate;
            order.push(`${key}${n}`);
          },
        },
      ],
      failed: async () => assert.fail('nothing failed'),
    });
    for (const [key, n] of [
      ['slow', 1],
      ['slow', 2],
      ['slow', 3],
      ['other', 1],
    ] as const) {
      await insertSaga(
        life.database.db,
        {
          id: systemIds.uuid(),
          name: 'test.letters',
          lockKey: key,
          input: { key, n },
          requestId: 'req-1',
        },
        systemClock.now(),
      );
    }
    await run(definition);
    await over('other');
    assert.deepEqual(order, ['other1']);
    release();
    await over('slow');
    assert.deepEqual(order, ['other1', 'slow1', 'slow2', 'slow3']);
  });
});

describe('the test wrappers', () => {
  it('everyStepTwice repeats each run with the state of the first', async () => {
    await begin();
    await run(everyStepTwice(letters()));
    await over();
    assert.deepEqual(life.trace, ['run a', 'run a', 'run b', 'run b', 'run c', 'run c']);
  });

  it('failingAt fails before or after the work of its step', async () => {
    await begin();
    await run(failingAt(everyStepTwice(letters()), 1, 'before'));
    await over();
    assert.deepEqual(life.trace, [
      'run a',
      'run a',
      'undo b',
      'undo b',
      'undo a',
      'undo a',
      'failed with a',
    ]);
    assert.match(life.reason?.message ?? '', /Step "b" was made to fail before/);
  });
});
