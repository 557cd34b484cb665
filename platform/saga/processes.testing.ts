// What the saga engine guarantees between processes that share a database: order, claims and fences
// do not depend on a process's clock or memory. Run on SQLite by processes.test.ts and on MariaDB
// by processes-mariadb.test.ts.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import type { Clock } from '../clock.ts';
import { systemClock } from '../clock.ts';
import type { Database } from '../db/database.ts';
import { migrate } from '../db/migrate.ts';
import { transaction } from '../db/transaction.ts';
import { FenceLost, fenceToken } from '../fence.ts';
import { systemIds } from '../ids.ts';
import { silentLog } from '../log.ts';
import { eventually } from '../testing/eventually.ts';
import type { SagaTables } from './journal.ts';
import { createJournal } from './journal.ts';
import { sagaKeysMigration, sagaMigration } from './migrations.ts';
import type { SagaQueue } from './queue.ts';
import { createSagaQueue } from './queue.ts';
import { SagaRunner } from './runner.ts';
import type { AnySaga, SagaContext, SagaStep } from './saga.ts';
import { saga } from './saga.ts';

interface Tables extends SagaTables {
  effects: { what: string };
}

type Input = { n: number };

/** The clock of a process that runs ahead of the others' by `aheadMs`. */
const skewed = (aheadMs: number): Clock => ({
  ...systemClock,
  now: () => systemClock.now() + aheadMs,
});

export function sagaProcessesContract(name: string, open: () => Promise<Database<Tables>>): void {
  describe(`sagas of several processes on one database, ${name}`, () => {
    let database: Database<Tables>;
    const runners: SagaRunner[] = [];
    before(async () => {
      database = await open();
      await migrate(database.db, database.dialect, 'test', [
        sagaMigration,
        sagaKeysMigration('0002-saga-keys'),
        {
          name: '0003-effects',
          up: async (db, t) =>
            await db.schema.createTable('effects').addColumn('what', t.name).execute(),
        },
      ]);
    });
    afterEach(async () => {
      await Promise.all(runners.splice(0).map(async (runner) => await runner.stop()));
      for (const table of ['effects', 'sagas', 'saga_keys'] as const)
        await database.db.deleteFrom(table).execute();
    });
    after(async () => await database.close());

    const effects = async (): Promise<string[]> =>
      (await database.db.selectFrom('effects').select('what').execute()).map(({ what }) => what);
    const write = async (what: string): Promise<void> =>
      void (await database.db.insertInto('effects').values({ what }).execute());
    const queue = (clock: Clock = systemClock): SagaQueue =>
      createSagaQueue({ db: database.db, clock });
    async function begin(lockKey: string, n: number, from = queue(), sagaName = 'test.saga') {
      const id = systemIds.uuid();
      await transaction(
        database.db,
        async (trx) =>
          await from.enqueue(trx, {
            id,
            name: sagaName,
            lockKey,
            input: { n },
            requestId: 'req-1',
          }),
      );
      return id;
    }
    const definition = (
      run: (input: Input, context: SagaContext) => Promise<void>,
      facts: Partial<{ name: string; pool: string; undo: SagaStep<Input, object>['undo'] }> = {},
    ): AnySaga =>
      saga<Input, object>({
        name: facts.name ?? 'test.saga',
        ...(facts.pool === undefined ? {} : { pool: facts.pool }),
        steps: [
          {
            name: 'step',
            deadlineMs: 30_000,
            run: async (input, _state, context) => await run(input, context),
            ...(facts.undo ? { undo: facts.undo } : {}),
          },
        ],
        failed: async () => await write('failed'),
      });
    async function start(owner: string, definitions: AnySaga[], facts: object = {}) {
      const runner = new SagaRunner({
        db: database.db,
        definitions,
        owner,
        clock: systemClock,
        ids: systemIds,
        log: silentLog,
        ...facts,
      });
      runners.push(runner);
      await runner.start();
      return runner;
    }
    const over = async (): Promise<boolean> =>
      await eventually(async () => (await queue().busyKeys()).size === 0, {
        withinMs: 10_000,
        what: 'all sagas have ended',
      });
    /** Claims what is claimable, as a runner does. Returns the ids of the claimed sagas. */
    async function claim(owner: string, nowMs: number): Promise<string[]> {
      const journal = createJournal(database.db);
      const records = [];
      for (const claimable of await journal.claimable(['test.saga'], nowMs, 10))
        records.push(
          await journal.claim({ owner, nowMs, leaseUntilMs: nowMs + 60_000 }, claimable),
        );
      return records.flatMap((record) => record?.id ?? []);
    }
    /** Takes the saga over, as another process does whose clock says that the lease has expired. */
    async function takeOver(id: string): Promise<void> {
      await database.db
        .updateTable('sagas')
        .set({ lease_until_ms: 0 })
        .where('id', '=', id)
        .execute();
      const nowMs = systemClock.now();
      assert.deepEqual(await claim('another', nowMs), [id]);
    }

    it('run in the order of their transactions, whatever the clocks of their processes say', async () => {
      await begin('k', 1, queue(skewed(3_600_000)));
      await begin('k', 2, queue(skewed(-3_600_000)));
      await begin('k', 3);
      await start('one', [definition(async ({ n }) => await write(String(n)))]);
      await over();
      assert.deepEqual(await effects(), ['1', '2', '3']);
    });

    it('begun at the same moment, get different places of one order', async () => {
      await Promise.all(
        Array.from({ length: 10 }, async (_, n) => await begin('k', n, queue(skewed(-n * 1_000)))),
      );
      const places = await database.db.selectFrom('sagas').select('seq').orderBy('seq').execute();
      assert.deepEqual(
        places.map(({ seq }) => seq),
        Array.from({ length: 10 }, (_, index) => index + 1),
      );
    });

    it('are not claimed while another of the key is held', async () => {
      const first = await begin('k', 1);
      const second = await begin('k', 2);
      const nowMs = systemClock.now();
      // As if another process had claimed the younger saga before the older one was inserted.
      await database.db
        .updateTable('sagas')
        .set({ owner: 'other', lease_until_ms: nowMs + 60_000 })
        .where('id', '=', second)
        .execute();
      assert.deepEqual(await claim('one', nowMs), []);
      await database.db.updateTable('sagas').set({ lease_until_ms: 0 }).execute();
      assert.deepEqual(
        (await Promise.all(['one', 'two', 'three'].map((owner) => claim(owner, nowMs)))).flat(),
        [first],
        'by one process alone',
      );
    });

    it('a runner that lost its claim within a step writes nothing more', async () => {
      const id = await begin('k', 1);
      const { promise: reached, resolve: reach } = Promise.withResolvers<void>();
      const { promise: gate, resolve: release } = Promise.withResolvers<void>();
      const refusals: unknown[] = [];
      const note = async (work: Promise<unknown>): Promise<void> =>
        await work.then(
          () => {
            refusals.push('written');
          },
          (error: unknown) => {
            refusals.push(error instanceof FenceLost);
          },
        );
      await start('one', [
        definition(async () => {
          await write('before');
          reach();
          await gate;
          await note(write('a statement'));
          await note(
            transaction(database.db, async (trx) => {
              await trx.insertInto('effects').values({ what: 'a transaction' }).execute();
            }),
          );
          await write('the last');
        }),
      ]);
      await reached;
      await takeOver(id);
      release();
      await runners[0]?.idle();
      assert.deepEqual(refusals, [true, true]);
      assert.deepEqual(await effects(), ['before'], 'nor does it unwind');
      const [record] = await createJournal(database.db).unfinished();
      assert.equal(record?.position, 0);
    });

    it('an undo that lost its claim writes nothing more', async () => {
      const id = await begin('k', 1);
      const { promise: reached, resolve: reach } = Promise.withResolvers<void>();
      const { promise: gate, resolve: release } = Promise.withResolvers<void>();
      const undo = async (): Promise<void> => {
        reach();
        await gate;
        await write('undone');
      };
      await start('one', [
        definition(
          async () => {
            throw new Error('unwinds');
          },
          { undo },
        ),
      ]);
      await reached;
      await takeOver(id);
      release();
      await runners[0]?.idle();
      assert.deepEqual(await effects(), []);
    });

    it('a process that slept beyond its lease sends and writes nothing when it wakes', async () => {
      await begin('k', 1);
      const clock = { ahead: 0 };
      const { promise: reached, resolve: reach } = Promise.withResolvers<void>();
      const { promise: gate, resolve: release } = Promise.withResolvers<void>();
      let refusal: unknown;
      await start(
        'one',
        [
          definition(async () => {
            reach();
            await gate;
            try {
              fenceToken(); // the bus asks for it before it sends a message
            } catch (error) {
              refusal = error;
            }
            await write('late');
          }),
        ],
        { clock: { ...systemClock, now: () => systemClock.now() + clock.ahead } },
      );
      await reached;
      clock.ahead = 10 * 60_000; // the lease has expired; nobody has taken it over
      const [runner] = runners;
      release();
      await runner?.idle();
      assert.ok(refusal instanceof FenceLost);
      assert.deepEqual((await effects()).slice(0, 1), ['late'], 'it claims the saga anew');
    });

    it('a claim that was lost aborts the step that waits', async () => {
      const id = await begin('k', 1);
      const { promise: reached, resolve: reach } = Promise.withResolvers<void>();
      const aborted = Promise.withResolvers<unknown>();
      await start('one', [
        definition(async (_input, { signal }) => {
          signal.addEventListener('abort', () => aborted.resolve(signal.reason));
          reach();
          await aborted.promise;
        }),
      ]);
      await reached;
      await takeOver(id);
      assert.ok((await aborted.promise) instanceof FenceLost); // at the next renewal of leases
    });

    it('builds that hang hold up no deletion', async () => {
      const { promise: gate, resolve: release } = Promise.withResolvers<void>();
      for (let n = 0; n < 5; n += 1) await begin(`b${n}`, n, queue(), 'test.build');
      await begin('d', 0, queue(), 'test.delete');
      await start(
        'one',
        [
          definition(async () => await gate, { name: 'test.build', pool: 'build' }),
          definition(async () => await write('deleted'), { name: 'test.delete' }),
        ],
        { maxConcurrent: 3 },
      );
      await eventually(async () => (await effects()).length === 1, {
        withinMs: 5_000,
        what: 'the deletion',
      });
      release();
      await over();
    });

    it('a claim whose commit got no answer is given back, or carried out, at once', async () => {
      let cutOff = 2;
      const db = new Proxy(database.db, {
        get(target, key) {
          if (key === 'transaction' && cutOff > 0)
            return () => ({
              execute: async (
                work: Parameters<ReturnType<typeof target.transaction>['execute']>[0],
              ) => {
                cutOff -= 1;
                await target.transaction().execute(work);
                throw Object.assign(new Error('the connection was lost'), { fatal: true });
              },
            });
          const value: unknown = Reflect.get(target, key);
          return typeof value === 'function' ? (value.bind(target) as unknown) : value;
        },
      });
      await begin('k', 1);
      const runner = await start('one', [definition(async ({ n }) => await write(String(n)))], {
        db,
      });
      await eventually(async () => cutOff === 1, { withinMs: 10_000, what: 'it was claimed' });
      assert.deepEqual(
        await database.db.selectFrom('sagas').select('owner').execute(),
        [{ owner: 'one' }],
        'it is held, and its owner does not know',
      );
      for (let pass = 0; pass < 2; pass += 1) {
        await runner.idle();
        runner.wake();
      }
      await over();
      assert.deepEqual(await effects(), ['1']);
    });

    it('who waits for a saga of another process hears of its end', async () => {
      const waiting = queue();
      const id = await begin('k', 1, waiting);
      assert.equal(await waiting.ended(id, 1), false);
      const end = waiting.ended(id, 30_000);
      await start('elsewhere', [definition(async () => undefined)]);
      assert.equal(await end, true);
    });

    it('a claim number of a key only ever grows, also when the key had been forgotten', async () => {
      const tokens: number[] = [];
      const noted = definition(async () => void tokens.push(fenceToken()?.token ?? 0));
      const runner = await start('one', [noted]);
      for (let n = 0; n < 3; n += 1) {
        await begin('k', n);
        runner.wake();
        await over();
        if (n === 1) await createJournal(database.db).purgeKeys(systemClock.now() + 1);
      }
      assert.equal(tokens.length, 3);
      assert.deepEqual(
        tokens,
        [...new Set(tokens)].toSorted((a, b) => a - b),
      );
    });
  });
}
