// Shared by the saga engine's tests: a saga of three steps that can be stopped at every point, on a
// real SQLite journal. A "crash" is simulated by a step that never returns.
import { afterEach, beforeEach } from 'node:test';
import type { Fault } from '#contracts/common/fault.ts';
import { systemClock } from '../clock.ts';
import type { Database } from '../db/database.ts';
import { openDatabase } from '../db/database.ts';
import { migrate } from '../db/migrate.ts';
import { systemIds } from '../ids.ts';
import { silentLog, type Log } from '../log.ts';
import { eventually } from '../testing/eventually.ts';
import type { SagaTables } from './journal.ts';
import { hasSaga, insertSaga } from './journal.ts';
import { sagaKeysMigration, sagaMigration } from './migrations.ts';
import { SagaRunner } from './runner.ts';
import type { AnySaga, SagaContext } from './saga.ts';
import { saga } from './saga.ts';

export type Input = { key: string };
export type State = { a?: string; b?: string; c?: string };
type Hook = (point: string, context: SagaContext) => Promise<Fault | void> | Fault | void;

/** The state of the current test; set anew before each. */
export const life = {} as {
  database: Database<SagaTables>;
  /** Everything that the steps did, in order. */
  trace: string[];
  /** The fault with which the saga unwound, once it has. */
  reason: Fault | undefined;
  /** Called at every point of a step; a fault that it returns becomes the step's result. */
  hook: Hook;
}; // filled by `useLetters`
export const runners: SagaRunner[] = [];
export const graves: ((error: Error) => void)[] = [];

/**
 * The saga: each of its three steps adds its letter to the world. `hook` is called at the points
 * `run a`, `ran a`, `undo a`, `undid a` and `failed`.
 */
export function letters(retries = 0, deadlineMs = 20_000): AnySaga {
  const step = (letter: 'a' | 'b' | 'c') => ({
    name: letter,
    deadlineMs,
    retries,
    async run(_input: Input, state: State, context: SagaContext) {
      const met = (await life.hook(`run ${letter}`, context)) ?? undefined;
      if (met) return met;
      life.trace.push(`run ${letter}`);
      return (
        (await life.hook(`ran ${letter}`, context)) ?? {
          [letter]: `${letter} after ${Object.keys(state).join('')}`,
        }
      );
    },
    async undo(_input: Input, _state: State, context: SagaContext) {
      await life.hook(`undo ${letter}`, context);
      life.trace.push(`undo ${letter}`);
      await life.hook(`undid ${letter}`, context);
    },
  });
  return saga<Input, State>({
    name: 'test.letters',
    steps: [step('a'), step('b'), step('c')],
    async failed(_input, state, why, context) {
      await life.hook('failed', context);
      life.reason = why;
      life.trace.push(`failed with ${Object.keys(state).sort().join('')}`);
    },
  });
}

export async function begin(key = 'k', name = 'test.letters'): Promise<string> {
  const id = systemIds.uuid();
  await insertSaga(
    life.database.db,
    { id, name, lockKey: key, input: { key }, requestId: 'req-1' },
    systemClock.now(),
  );
  return id;
}

/** A runner that is not started yet; it is stopped after the test. */
export function createRunner(
  definition: AnySaga,
  { owner = 'one', log = silentLog }: { owner?: string; log?: Log } = {},
): SagaRunner {
  const runner = new SagaRunner({
    db: life.database.db,
    definitions: [definition],
    owner,
    clock: systemClock,
    ids: systemIds,
    log,
  });
  runners.push(runner);
  return runner;
}

export async function run(definition: AnySaga, owner = 'one'): Promise<SagaRunner> {
  const runner = createRunner(definition, { owner });
  await runner.start();
  return runner;
}

export const over = async (key = 'k') =>
  await eventually(async () => !(await hasSaga(life.database.db, key)), {
    withinMs: 5_000,
    what: `no saga of ${key} is left; so far: ${life.trace.join(', ')}`,
  });
export const happened = async (what: string) =>
  await eventually(() => life.trace.includes(what), { withinMs: 5_000, what });
/**
 * Simulates a crash: a step that awaits this never continues. Rejected after the test, to clean up.
 */
export const dies = async (): Promise<never> =>
  await new Promise<never>((_resolve, reject) => graves.push(reject));

/** Registers hooks that give each test an empty journal. */
export function useLetters(): void {
  beforeEach(async () => {
    life.database = openDatabase<SagaTables>(
      { dialect: 'sqlite', path: ':memory:' },
      { log: silentLog },
    );
    await migrate(life.database.db, 'sqlite', 'test', [
      sagaMigration,
      sagaKeysMigration('0002-saga-keys'),
    ]);
    Object.assign(life, { trace: [], reason: undefined, hook: () => undefined });
  });

  afterEach(async () => {
    const stopped = runners.splice(0).map(async (runner) => await runner.stop());
    for (const bury of graves.splice(0)) bury(new Error('buried'));
    await Promise.all(stopped);
    await life.database.close();
  });
}
