// What the saga engine guarantees after a crash and between runners, on a real SQLite journal.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { systemClock } from '../clock.ts';
import { systemIds } from '../ids.ts';
import { silentLog } from '../log.ts';
import { eventually } from '../testing/eventually.ts';
import { cancelSagas, createJournal, hasSaga } from './journal.ts';
import type { Input, State } from './letters.testing.ts';
import {
  begin,
  createRunner,
  dies,
  graves,
  happened,
  letters,
  life,
  over,
  run,
  runners,
  useLetters,
} from './letters.testing.ts';
import { SagaRunner } from './runner.ts';
import { failingAt } from './saga.testing.ts';
import { saga } from './saga.ts';

useLetters();

describe('after a crash', () => {
  const forward = ['run a', 'ran a', 'run b', 'ran b', 'run c', 'ran c'];
  for (const point of forward) {
    it(`at "${point}" the next life completes it`, async () => {
      life.hook = async (at) => (at === point ? await dies() : undefined);
      await begin();
      await run(letters());
      await eventually(() => graves.length > 0, { withinMs: 5_000, what: `the crash at ${point}` });
      life.hook = () => undefined;
      await run(letters());
      await over();
      const letter = point.slice(-1);
      const expected = ['run a', 'run b', 'run c'].flatMap((step) =>
        point === `ran ${letter}` && step === `run ${letter}` ? [step, step] : [step],
      );
      assert.deepEqual(life.trace, expected, 'only the step in which it died ran again');
    });
  }

  for (const point of forward) {
    it(`at "${point}" a cancelled one unwinds, the step in which it died included`, async () => {
      life.hook = async (at) => (at === point ? await dies() : undefined);
      await begin();
      await run(letters());
      await eventually(() => graves.length > 0, { withinMs: 5_000, what: `the crash at ${point}` });
      await cancelSagas(life.database.db, 'k');
      const before = life.trace.length;
      life.hook = () => undefined;
      await run(letters());
      await over();
      const begunSteps = ['a', 'b', 'c'].slice(0, ['a', 'b', 'c'].indexOf(point.slice(-1)) + 1);
      assert.deepEqual(life.trace.slice(before), [
        ...begunSteps.toReversed().map((letter) => `undo ${letter}`),
        `failed with ${begunSteps.slice(0, -1).join('')}`,
      ]);
    });
  }

  for (const point of ['undo c', 'undid c', 'undo b', 'undid b', 'undo a', 'undid a', 'failed']) {
    it(`at "${point}" the next life unwinds the rest`, async () => {
      const failing = failingAt(letters(), 2, 'after');
      life.hook = async (at) => (at === point ? await dies() : undefined);
      await begin();
      await run(failing);
      await eventually(() => graves.length > 0, { withinMs: 5_000, what: `the crash at ${point}` });
      life.hook = () => undefined;
      await run(failing);
      await over();
      const expected = ['undo c', 'undo b', 'undo a'].flatMap((step) =>
        point === step.replace('undo', 'undid') ? [step, step] : [step],
      );
      assert.deepEqual(life.trace, ['run a', 'run b', 'run c', ...expected, 'failed with ab']);
      assert.match(life.reason?.message ?? '', /was made to fail after/);
    });
  }
});

describe('a runner', () => {
  it('gives way when another has taken its saga over', async () => {
    let release = (): void => undefined;
    const gate = new Promise<void>((resolve) => (release = resolve));
    life.hook = async (point) => (point === 'ran a' ? await gate : undefined);
    const id = await begin();
    const loser = await run(letters(), 'one');
    await happened('run a');
    await life.database.db
      .updateTable('sagas')
      .set({ owner: 'two', lease_until_ms: systemClock.now() + 60_000 })
      .where('id', '=', id)
      .execute();
    const idle = loser.stop(); // resolves when its work has ended
    release();
    await idle;
    assert.deepEqual(life.trace, ['run a'], 'it did not go on');
    const [row] = await createJournal(life.database.db).unfinished();
    assert.equal(row?.position, 0, 'and wrote nothing');
    assert.equal(
      (await life.database.db.selectFrom('sagas').select('owner').executeTakeFirstOrThrow()).owner,
      'two',
    );
  });

  it('takes over what another left when its lease has ended, not before', async () => {
    const id = await begin();
    await life.database.db
      .updateTable('sagas')
      .set({ owner: 'gone', lease_until_ms: systemClock.now() + 60_000 })
      .where('id', '=', id)
      .execute();
    const runner = await run(letters(), 'two');
    await runner.idle();
    assert.deepEqual(life.trace, []);
    await life.database.db
      .updateTable('sagas')
      .set({ lease_until_ms: systemClock.now() - 1 })
      .where('id', '=', id)
      .execute();
    runner.wake();
    await over();
    assert.deepEqual(life.trace, ['run a', 'run b', 'run c']);
  });

  it('stopped in the middle of a step, leaves it undecided: the next life runs it again', async () => {
    life.hook = async (point, { signal }) => {
      if (point === 'run b')
        await new Promise<void>((_resolve, reject) =>
          signal.addEventListener('abort', () => reject(new Error('aborted'))),
        );
    };
    await begin();
    const first = await run(letters());
    await happened('run a');
    await eventually(
      async () => (await createJournal(life.database.db).unfinished())[0]?.position === 1,
      { withinMs: 5_000, what: 'a is journalled' },
    );
    await first.stop();
    assert.deepEqual(life.trace, ['run a'], 'nothing was undone');
    life.hook = () => undefined;
    await run(letters());
    await over();
    assert.deepEqual(life.trace, ['run a', 'run b', 'run c']);
  });

  it('does nothing before it is started, so that it never frees what it already runs', async () => {
    await begin();
    const runner = createRunner(letters());
    runner.wake();
    await runner.idle();
    assert.deepEqual(life.trace, []);
    await runner.start();
    await over();
    assert.deepEqual(life.trace, ['run a', 'run b', 'run c']);
  });

  it('keeps a saga it does not know for a later release, without spinning', async () => {
    let errors = 0;
    const log = {
      ...silentLog,
      debug() {},
      info() {},
      warn() {},
      error: () => void (errors += 1),
      child: () => silentLog,
    };
    await begin('k', 'test.of-the-future');
    const runner = createRunner(letters(), { log });
    await runner.start();
    await begin('k2');
    runner.wake();
    await over('k2');
    await eventually(() => errors > 0, { withinMs: 2_000, what: 'it is told' });
    assert.ok(errors <= 2, `told ${errors} times`);
    assert.ok(await hasSaga(life.database.db, 'k'));
  });

  it('runs no more at a time than it may', async () => {
    let [now, most] = [0, 0];
    const definition = saga<Input, State>({
      name: 'test.letters',
      steps: [
        {
          name: 'count',
          deadlineMs: 5_000,
          run: async () => {
            most = Math.max(most, ++now);
            await systemClock.sleep(5);
            now -= 1;
          },
        },
      ],
      failed: async () => assert.fail('nothing failed'),
    });
    for (let n = 0; n < 12; n += 1) await begin(`k${n}`);
    const runner = new SagaRunner({
      db: life.database.db,
      definitions: [definition],
      owner: 'one',
      clock: systemClock,
      ids: systemIds,
      log: silentLog,
      maxConcurrent: 3,
    });
    runners.push(runner);
    await runner.start();
    await eventually(
      async () => (await createJournal(life.database.db).unfinished()).length === 0,
      {
        withinMs: 5_000,
        what: 'all twelve are done',
      },
    );
    assert.equal(most, 3);
  });
});
