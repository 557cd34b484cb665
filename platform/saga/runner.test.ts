// What the saga engine promises, on a real SQLite journal. A "crash" leaves a runner hanging in a
// step and starts another one.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { fault } from '#contracts/common/fault.ts';
import type { Fault } from '#contracts/common/fault.ts';
import { systemClock } from '../clock.ts';
import type { Database } from '../db/database.ts';
import { openDatabase } from '../db/database.ts';
import { migrate } from '../db/migrate.ts';
import { systemIds } from '../ids.ts';
import { silentLog } from '../log.ts';
import { eventually } from '../testing/eventually.ts';
import type { SagaTables } from './journal.ts';
import { cancelSagas, createJournal, hasSaga, insertSaga } from './journal.ts';
import { sagaKeysMigration, sagaMigration } from './migrations.ts';
import { SagaRunner } from './runner.ts';
import { everyStepTwice, failingAt } from './saga.testing.ts';
import type { AnySaga, SagaContext } from './saga.ts';
import { saga } from './saga.ts';

type Input = { key: string };
type State = { a?: string; b?: string; c?: string };
type Hook = (point: string, context: SagaContext) => Promise<Fault | void> | Fault | void;

let database: Database<SagaTables>;
/** Everything that happened, in order. */
let trace: string[];
let reason: Fault | undefined;
let hook: Hook;
const runners: SagaRunner[] = [];
const graves: ((error: Error) => void)[] = [];

/**
 * Three steps; each adds a letter to the world and can be stopped at `run a`, `ran a`, `undo a`,
 * `undid a`, `failed`.
 */
function letters(retries = 0, deadlineMs = 20_000): AnySaga {
  const step = (letter: 'a' | 'b' | 'c') => ({
    name: letter,
    deadlineMs,
    retries,
    async run(_input: Input, state: State, context: SagaContext) {
      const met = (await hook(`run ${letter}`, context)) ?? undefined;
      if (met) return met;
      trace.push(`run ${letter}`);
      return (
        (await hook(`ran ${letter}`, context)) ?? {
          [letter]: `${letter} after ${Object.keys(state).join('')}`,
        }
      );
    },
    async undo(_input: Input, _state: State, context: SagaContext) {
      await hook(`undo ${letter}`, context);
      trace.push(`undo ${letter}`);
      await hook(`undid ${letter}`, context);
    },
  });
  return saga<Input, State>({
    name: 'test.letters',
    steps: [step('a'), step('b'), step('c')],
    async failed(_input, state, why, context) {
      await hook('failed', context);
      reason = why;
      trace.push(`failed with ${Object.keys(state).sort().join('')}`);
    },
  });
}

async function begin(key = 'k', name = 'test.letters'): Promise<string> {
  const id = systemIds.uuid();
  await insertSaga(
    database.db,
    { id, name, lockKey: key, input: { key }, requestId: 'req-1' },
    systemClock.now(),
  );
  return id;
}

async function run(definition: AnySaga, owner = 'one'): Promise<SagaRunner> {
  const runner = new SagaRunner({
    db: database.db,
    definitions: [definition],
    owner,
    clock: systemClock,
    ids: systemIds,
    log: silentLog,
  });
  runners.push(runner);
  await runner.start();
  return runner;
}

const over = async (key = 'k') =>
  await eventually(async () => !(await hasSaga(database.db, key)), {
    withinMs: 5_000,
    what: `no saga of ${key} is left; so far: ${trace.join(', ')}`,
  });
const happened = async (what: string) =>
  await eventually(() => trace.includes(what), { withinMs: 5_000, what });
/** Never answers: the process that waits here is as good as dead. Buried after the test. */
const dies = async (): Promise<never> =>
  await new Promise<never>((_resolve, reject) => graves.push(reject));

beforeEach(async () => {
  database = openDatabase<SagaTables>({ dialect: 'sqlite', path: ':memory:' }, { log: silentLog });
  await migrate(database.db, 'sqlite', 'test', [
    sagaMigration,
    sagaKeysMigration('0002-saga-keys'),
  ]);
  [trace, reason, hook] = [[], undefined, () => undefined];
});

afterEach(async () => {
  const stopped = runners.splice(0).map(async (runner) => await runner.stop());
  for (const bury of graves.splice(0)) bury(new Error('buried'));
  await Promise.all(stopped);
  await database.close();
});

describe('a saga', () => {
  it('runs its steps in order, each with the state of those before', async () => {
    const seen: string[] = [];
    const definition = saga<Input, State>({
      name: 'test.letters',
      steps: [
        { name: 'a', deadlineMs: 1_000, run: async () => ({ a: '1' }) },
        {
          name: 'b',
          deadlineMs: 1_000,
          run: async ({ key }, { a }, { requestId }) => void seen.push(`${key} ${a} ${requestId}`),
        },
      ],
      failed: async () => assert.fail('nothing failed'),
    });
    await begin();
    await run(definition);
    await over();
    assert.deepEqual(seen, ['k 1 req-1']);
  });

  it('unwinds from a returned fault, the failed step first, and tells why', async () => {
    hook = (point) => (point === 'run b' ? fault('overQuota', 'no room') : undefined);
    await begin();
    await run(letters());
    await over();
    assert.deepEqual(trace, ['run a', 'undo b', 'undo a', 'failed with a']);
    assert.equal(reason?.kind, 'overQuota');
    assert.equal(reason?.message, 'no room');
  });

  it('unwinds from a thrown error, which becomes a fault that names the step', async () => {
    hook = (point) => {
      if (point === 'run c') throw new Error('a bug');
    };
    await begin();
    await run(letters());
    await over();
    assert.deepEqual(trace, ['run a', 'run b', 'undo c', 'undo b', 'undo a', 'failed with ab']);
    assert.match(reason?.message ?? '', /Step c .*a bug/);
  });

  it('tries what is retryable again as often as it says, and nothing else', async () => {
    let left = 2;
    hook = (point) =>
      point === 'run b' && left-- > 0 ? fault('unavailable', 'not now') : undefined;
    await begin();
    await run(letters(2));
    await over();
    assert.deepEqual(trace, ['run a', 'run b', 'run c']);

    [trace, left] = [[], 3];
    await begin('k2');
    runners.at(-1)?.wake();
    await over('k2');
    assert.equal(left, 0, 'tried three times');
    assert.equal(trace.at(-1), 'failed with a');

    let asked = 0;
    hook = (point) => (point === 'run b' && ++asked > 0 ? fault('conflict', 'never') : undefined);
    await begin('k3');
    runners.at(-1)?.wake();
    await over('k3');
    assert.equal(asked, 1);
  });

  it('gives each step its deadline, tells the step by its signal, and unwinds', async () => {
    let aborted = false;
    hook = async (point, { signal }) => {
      if (point === 'run b')
        await new Promise<void>((resolve) =>
          signal.addEventListener('abort', () => resolve(void (aborted = true))),
        );
    };
    await begin();
    await run(letters(0, 50));
    await over();
    assert.equal(reason?.kind, 'timeout');
    assert.ok(aborted);
    assert.equal(trace[0], 'run a');
    assert.ok(trace.includes('undo a') && !trace.includes('run c'));
  });

  it('cancelled while a step runs, unwinds before the next', async () => {
    hook = async (point) => {
      if (point === 'ran a') await cancelSagas(database.db, 'k');
    };
    await begin();
    await run(letters());
    await over();
    assert.deepEqual(trace, ['run a', 'undo a', 'failed with a']);
    assert.equal(reason?.kind, 'conflict');
  });

  it('cancelled before it began, does nothing; it cannot know that no earlier life did', async () => {
    await begin();
    await cancelSagas(database.db, 'k');
    await run(letters());
    await over();
    assert.deepEqual(trace, ['undo a', 'failed with ']);
  });

  it('tries an undo and the settling until they succeed', async () => {
    let [undos, settles] = [2, 2];
    hook = (point) => {
      if (point === 'run b') return fault('conflict', 'no');
      if ((point === 'undo a' && undos-- > 0) || (point === 'failed' && settles-- > 0))
        throw new Error('not yet');
    };
    await begin();
    await run(letters());
    await over();
    assert.deepEqual(trace, ['run a', 'undo b', 'undo a', 'failed with a']);
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
        database.db,
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

describe('after a crash', () => {
  const forward = ['run a', 'ran a', 'run b', 'ran b', 'run c', 'ran c'];
  for (const point of forward) {
    it(`at "${point}" the next life completes it`, async () => {
      hook = async (at) => (at === point ? await dies() : undefined);
      await begin();
      await run(letters());
      await eventually(() => graves.length > 0, { withinMs: 5_000, what: `the crash at ${point}` });
      hook = () => undefined;
      await run(letters());
      await over();
      const letter = point.slice(-1);
      const expected = ['run a', 'run b', 'run c'].flatMap((step) =>
        point === `ran ${letter}` && step === `run ${letter}` ? [step, step] : [step],
      );
      assert.deepEqual(trace, expected, 'only the step in which it died ran again');
    });
  }

  for (const point of forward) {
    it(`at "${point}" a cancelled one unwinds, the step in which it died included`, async () => {
      hook = async (at) => (at === point ? await dies() : undefined);
      await begin();
      await run(letters());
      await eventually(() => graves.length > 0, { withinMs: 5_000, what: `the crash at ${point}` });
      await cancelSagas(database.db, 'k');
      const before = trace.length;
      hook = () => undefined;
      await run(letters());
      await over();
      const done = ['a', 'b', 'c'].slice(0, ['a', 'b', 'c'].indexOf(point.slice(-1)) + 1);
      assert.deepEqual(trace.slice(before), [
        ...done.toReversed().map((letter) => `undo ${letter}`),
        `failed with ${done.slice(0, -1).join('')}`,
      ]);
    });
  }

  for (const point of ['undo c', 'undid c', 'undo b', 'undid b', 'undo a', 'undid a', 'failed']) {
    it(`at "${point}" the next life unwinds the rest`, async () => {
      const failing = failingAt(letters(), 2, 'after');
      hook = async (at) => (at === point ? await dies() : undefined);
      await begin();
      await run(failing);
      await eventually(() => graves.length > 0, { withinMs: 5_000, what: `the crash at ${point}` });
      hook = () => undefined;
      await run(failing);
      await over();
      const expected = ['undo c', 'undo b', 'undo a'].flatMap((step) =>
        point === step.replace('undo', 'undid') ? [step, step] : [step],
      );
      assert.deepEqual(trace, ['run a', 'run b', 'run c', ...expected, 'failed with ab']);
      assert.match(reason?.message ?? '', /was made to fail after/);
    });
  }
});

describe('a runner', () => {
  it('gives way when another has taken its saga over', async () => {
    let release = (): void => undefined;
    const gate = new Promise<void>((resolve) => (release = resolve));
    hook = async (point) => (point === 'ran a' ? await gate : undefined);
    const id = await begin();
    const loser = await run(letters(), 'one');
    await happened('run a');
    await database.db
      .updateTable('sagas')
      .set({ owner: 'two', lease_until_ms: systemClock.now() + 60_000 })
      .where('id', '=', id)
      .execute();
    const idle = loser.stop(); // resolves when its work has ended
    release();
    await idle;
    assert.deepEqual(trace, ['run a'], 'it did not go on');
    const [row] = await createJournal(database.db).unfinished();
    assert.equal(row?.position, 0, 'and wrote nothing');
    assert.equal(
      (await database.db.selectFrom('sagas').select('owner').executeTakeFirstOrThrow()).owner,
      'two',
    );
  });

  it('takes over what another left when its lease has ended, not before', async () => {
    const id = await begin();
    await database.db
      .updateTable('sagas')
      .set({ owner: 'gone', lease_until_ms: systemClock.now() + 60_000 })
      .where('id', '=', id)
      .execute();
    const runner = await run(letters(), 'two');
    await runner.idle();
    assert.deepEqual(trace, []);
    await database.db
      .updateTable('sagas')
      .set({ lease_until_ms: systemClock.now() - 1 })
      .where('id', '=', id)
      .execute();
    runner.wake();
    await over();
    assert.deepEqual(trace, ['run a', 'run b', 'run c']);
  });

  it('stopped in the middle of a step, leaves it undecided: the next life runs it again', async () => {
    hook = async (point, { signal }) => {
      if (point === 'run b')
        await new Promise<void>((_resolve, reject) =>
          signal.addEventListener('abort', () => reject(new Error('aborted'))),
        );
    };
    await begin();
    const first = await run(letters());
    await happened('run a');
    await eventually(
      async () => (await createJournal(database.db).unfinished())[0]?.position === 1,
      { withinMs: 5_000, what: 'a is journalled' },
    );
    await first.stop();
    assert.deepEqual(trace, ['run a'], 'nothing was undone');
    hook = () => undefined;
    await run(letters());
    await over();
    assert.deepEqual(trace, ['run a', 'run b', 'run c']);
  });

  it('does nothing before it is started, so that it never frees what it already runs', async () => {
    await begin();
    const runner = new SagaRunner({
      db: database.db,
      definitions: [letters()],
      owner: 'one',
      clock: systemClock,
      ids: systemIds,
      log: silentLog,
    });
    runners.push(runner);
    runner.wake();
    await runner.idle();
    assert.deepEqual(trace, []);
    await runner.start();
    await over();
    assert.deepEqual(trace, ['run a', 'run b', 'run c']);
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
    const runner = new SagaRunner({
      db: database.db,
      definitions: [letters()],
      owner: 'one',
      clock: systemClock,
      ids: systemIds,
      log,
    });
    runners.push(runner);
    await runner.start();
    await begin('k2');
    runner.wake();
    await over('k2');
    await eventually(() => errors > 0, { withinMs: 2_000, what: 'it is told' });
    assert.ok(errors <= 2, `told ${errors} times`);
    assert.ok(await hasSaga(database.db, 'k'));
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
      db: database.db,
      definitions: [definition],
      owner: 'one',
      clock: systemClock,
      ids: systemIds,
      log: silentLog,
      maxConcurrent: 3,
    });
    runners.push(runner);
    await runner.start();
    await eventually(async () => (await createJournal(database.db).unfinished()).length === 0, {
      withinMs: 5_000,
      what: 'all twelve are done',
    });
    assert.equal(most, 3);
  });
});

describe('the test wrappers', () => {
  it('everyStepTwice repeats each run with the state of the first', async () => {
    await begin();
    await run(everyStepTwice(letters()));
    await over();
    assert.deepEqual(trace, ['run a', 'run a', 'run b', 'run b', 'run c', 'run c']);
  });

  it('failingAt fails before or after the work of its step', async () => {
    await begin();
    await run(failingAt(everyStepTwice(letters()), 1, 'before'));
    await over();
    assert.deepEqual(trace, [
      'run a',
      'run a',
      'undo b',
      'undo b',
      'undo a',
      'undo a',
      'failed with a',
    ]);
    assert.match(reason?.message ?? '', /Step "b" was made to fail before/);
  });
});
