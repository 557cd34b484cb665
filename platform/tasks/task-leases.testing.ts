// Tests of tasks with scope `one` in several processes that share a database. Run on SQLite by
// task-leases.test.ts and on MariaDB by task-leases-mariadb.test.ts.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { Database } from '../db/database.ts';
import { migrate } from '../db/migrate.ts';
import { FenceLost } from '../fence.ts';
import { systemIds } from '../ids.ts';
import { silentLog } from '../log.ts';
import { eventually } from '../testing/eventually.ts';
import type { FakeClock } from '../testing/fake-clock.ts';
import { createFakeClock } from '../testing/fake-clock.ts';
import { taskLeasesMigration } from './migrations.ts';
import type { TaskLeases, TaskLeaseTables } from './task-leases.ts';
import { createTaskLeases, taskLeaseMs } from './task-leases.ts';
import type { TaskRunner } from './tasks.ts';
import { createTaskRunner } from './tasks.ts';

interface Tables extends TaskLeaseTables {
  effects: { what: string };
}

export function taskLeasesContract(name: string, open: () => Promise<Database<Tables>>): void {
  describe(`tasks of several processes on one database, ${name}`, () => {
    let database: Database<Tables>;
    let clock: FakeClock;
    const runners: TaskRunner[] = [];
    /** A run of the task waits until the test resolves this. */
    let release: PromiseWithResolvers<void>;
    let began: boolean;
    /** Number of queries to the database that are in progress. */
    let inFlight = 0;
    before(async () => {
      database = await open();
      await migrate(database.db, database.dialect, 'test', [
        taskLeasesMigration('0001-task-leases'),
        {
          name: '0002-effects',
          up: async (db, t) =>
            await db.schema.createTable('effects').addColumn('what', t.name).execute(),
        },
      ]);
    });
    after(async () => await database.close());
    afterEach(async () => {
      release.resolve();
      await Promise.all(runners.splice(0).map(async (runner) => await runner.stop()));
      for (const table of ['effects', 'task_leases'] as const)
        await database.db.deleteFrom(table).execute();
    });

    /**
     * Begins a test with a clock that only the test advances, so that queries take no time on it.
     */
    const begin = (): void => {
      clock = createFakeClock({ startMs: 1_000_000_000_000, movedBy: 'advance' });
      release = Promise.withResolvers();
      began = false;
    };
    /**
     * Takes the lease over while a run is in progress, as another process does when this one was
     * paused for longer than its lease.
     */
    async function takeOver(): Promise<void> {
      await pass(11_000);
      await eventually(() => began, { withinMs: 5_000, what: 'the run has begun' });
      await database.db.updateTable('task_leases').set({ lease_until_ms: 0 }).execute();
      assert.ok(await leasesOf('two').take('test.count', 0));
    }
    const counted =
      <A extends unknown[], R>(ask: (...args: A) => Promise<R>) =>
      async (...args: A): Promise<R> => {
        inFlight += 1;
        try {
          return await ask(...args);
        } finally {
          inFlight -= 1;
        }
      };
    function leasesOf(owner: string): TaskLeases {
      const { take, renew, giveBack } = createTaskLeases({ db: database.db, owner, clock });
      return { take: counted(take), renew: counted(renew), giveBack: counted(giveBack) };
    }
    const write = counted(
      async (what: string) =>
        void (await database.db.insertInto('effects').values({ what }).execute()),
    );
    const effects = async (): Promise<string[]> =>
      (await database.db.selectFrom('effects').select('what').execute()).map(({ what }) => what);
    function start(owner: string, run: (signal: AbortSignal) => Promise<void>, everyMs = 10_000) {
      const runner = createTaskRunner({ clock, ids: systemIds, log: silentLog });
      runners.push(runner);
      runner.start([{ name: 'test.count', everyMs, scope: 'one', run }], leasesOf(owner));
    }
    /** Advances the clock by `ms` in small steps, each after the database has finished its work. */
    async function pass(ms: number): Promise<void> {
      for (let passed = 0; passed < ms; passed += 500) {
        await clock.advance(500);
        do await setImmediate();
        while (inFlight > 0);
      }
    }

    it('run once a period, however many processes have them', async () => {
      begin();
      for (const owner of ['one', 'two', 'three']) start(owner, async () => await write(owner));
      await pass(100_000);
      const runs = (await effects()).length;
      assert.ok(runs >= 8 && runs <= 11, `${runs} runs in ten periods`);
    });

    it('run in one process at a time, and go on in another when that one is silent', async () => {
      begin();
      const first = await leasesOf('one').take('test.count', 0);
      assert.ok(first);
      assert.equal(await leasesOf('two').take('test.count', 0), undefined);
      clock.nowMs += taskLeaseMs + 1;
      const second = await leasesOf('two').take('test.count', 0);
      assert.ok(second && second.token > first.token);
      assert.equal(await leasesOf('one').renew('test.count', first), false);
      assert.equal(first.lost.aborted, true);
    });

    it('stop when their lease is lost, and write nothing any more', async () => {
      begin();
      let stopped: unknown;
      let refusal: unknown;
      start('one', async (signal) => {
        signal.addEventListener('abort', () => (stopped = signal.reason));
        began = true;
        await release.promise;
        refusal = await write('after the lease').catch((error: unknown) => error);
      });
      await takeOver();
      await pass(15_000); // one renewal
      await eventually(() => stopped, { withinMs: 5_000, what: 'the run is told' });
      assert.ok(stopped instanceof FenceLost, String(stopped));
      release.resolve();
      await eventually(() => refusal, { withinMs: 5_000, what: 'the write is refused' });
      assert.ok(refusal instanceof FenceLost, String(refusal));
      assert.deepEqual(await effects(), []);
    });

    it('write nothing when another took the lease and nobody has told yet', async () => {
      begin();
      let refusal: unknown;
      start('one', async () => {
        began = true;
        await release.promise;
        refusal = await write('unaware').catch((error: unknown) => error);
      });
      await takeOver();
      release.resolve();
      await eventually(() => refusal, { withinMs: 5_000, what: 'the write is refused' });
      assert.ok(refusal instanceof FenceLost, String(refusal));
      assert.deepEqual(await effects(), []);
    });

    it('run at once in a process that starts, however recently another one ran them', async () => {
      begin();
      const other = await leasesOf('one').take('test.count', 0);
      assert.ok(other);
      await leasesOf('one').giveBack('test.count', other, clock.now());
      const runner = createTaskRunner({ clock, ids: systemIds, log: silentLog });
      runners.push(runner);
      let runs = 0;
      const task = {
        name: 'test.count',
        everyMs: 10_000,
        scope: 'one' as const,
        run: async () => void (runs += 1),
      };
      runner.start([{ ...task, atStart: true }], leasesOf('two'));
      await eventually(() => runs === 1, { withinMs: 5_000, what: 'the run at the start' });
    });

    it('are taken up at once by the next life of the same process', async () => {
      begin();
      const first = await leasesOf('one').take('test.count', 10_000);
      const second = await leasesOf('one').take('test.count', 10_000);
      assert.ok(first && second && second.token > first.token);
    });

    it('run once a period also when the clock of the last run was a little ahead', async () => {
      begin();
      const ahead = createTaskLeases({
        db: database.db,
        owner: 'one',
        clock: { ...clock, now: () => clock.now() + 1_000 },
      });
      const lease = await ahead.take('test.count', 9_000);
      assert.ok(lease);
      await ahead.giveBack('test.count', lease, clock.now() + 1_000);
      assert.equal(await leasesOf('two').take('test.count', 9_000), undefined);
      await clock.advance(10_001);
      assert.ok(await leasesOf('two').take('test.count', 9_000));
    });

    it('do not wait for a moment that a wrong clock wrote', async () => {
      begin();
      const lease = await leasesOf('one').take('test.count', 10_000);
      assert.ok(lease);
      await leasesOf('one').giveBack('test.count', lease, clock.now() + 3_600_000);
      assert.ok(await leasesOf('two').take('test.count', 10_000));
    });
  });
}
