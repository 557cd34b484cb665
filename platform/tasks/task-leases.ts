// Leases for tasks of scope `one`: of several processes that share a database, one at a time runs
// the task. A lease is a row in the service's database; the task runner takes, renews and returns
// it.
import type { CompiledQuery, Kysely } from 'kysely';
import type { Clock } from '../clock.ts';
import { insertIfAbsent, isMysql, transaction } from '../db/transaction.ts';
import { Lease } from '../lease.ts';

export interface TaskLeaseTables {
  task_leases: {
    name: string;
    owner: string | null;
    /** Incremented with each run: of two tokens the greater is newer. */
    token: number;
    lease_until_ms: number;
    /** When the last completed run started; 0: never. */
    ran_at_ms: number;
  };
}

export interface TaskLeases {
  /**
   * Takes the lease to run the task now. undefined: another process runs the task, or has run it
   * within `notWithinMs`. A lease that this owner held before a restart is taken over.
   */
  take(task: string, notWithinMs: number): Promise<Lease | undefined>;
  /**
   * Extends the lease. Returns false, and marks the lease as lost, if another process has taken it.
   */
  renew(task: string, lease: Lease): Promise<boolean>;
  /**
   * Returns the lease after a run that started at `ranAtMs`. Changes nothing if the lease was lost.
   */
  giveBack(task: string, lease: Lease, ranAtMs: number): Promise<void>;
}

/** A lease that is not renewed for this long may be taken by another process. */
export const taskLeaseMs = 30_000;

const neverRun = { owner: null, token: 0, lease_until_ms: 0, ran_at_ms: 0 };

/**
 * The task leases of this process. `owner` identifies it, uniquely among running processes (a host
 * name, a pod name).
 */
export function createTaskLeases(deps: {
  /** A database that has the task_leases table. */
  db: Kysely<any>;
  owner: string;
  clock: Clock;
}): TaskLeases {
  const { owner, clock } = deps;
  const db = deps.db as Kysely<TaskLeaseTables>;
  const ownLeaseQuery = (name: string, token: number): CompiledQuery => {
    const query = db
      .selectFrom('task_leases')
      .select('name')
      .where('name', '=', name)
      .where('owner', '=', owner)
      .where('token', '=', token);
    return (isMysql(db) ? query.forUpdate() : query).compile();
  };
  const lockedRow = async (trx: Kysely<TaskLeaseTables>, name: string) => {
    const row = trx.selectFrom('task_leases').selectAll().where('name', '=', name);
    return await (isMysql(db) ? row.forUpdate() : row).executeTakeFirst();
  };
  const firstRow = async (trx: Kysely<TaskLeaseTables>, name: string) => {
    // Two processes may start at once: the second must find the row that the first inserted.
    await insertIfAbsent(trx, 'task_leases', { name, ...neverRun });
    return (await lockedRow(trx, name)) ?? neverRun;
  };
  const change = (name: string, token: number) =>
    db
      .updateTable('task_leases')
      .where('name', '=', name)
      .where('owner', '=', owner)
      .where('token', '=', token);

  return {
    async take(task, notWithinMs) {
      const nowMs = clock.now();
      const untilMs = nowMs + taskLeaseMs;
      const token = await transaction(db, async (trx) => {
        const lease = (await lockedRow(trx, task)) ?? (await firstRow(trx, task));
        const isHeld = lease.owner !== null && lease.lease_until_ms >= nowMs;
        if (isHeld && lease.owner !== owner) return undefined;
        // `ran_at_ms` may be slightly in the future if another process's clock is ahead: that run
        // counts. A time in the far future (a badly set clock) must not block the task until then,
        // hence Math.abs.
        if (Math.abs(nowMs - lease.ran_at_ms) < notWithinMs) return undefined;
        await trx
          .updateTable('task_leases')
          .set({ owner, token: lease.token + 1, lease_until_ms: untilMs })
          .where('name', '=', task)
          .execute();
        return lease.token + 1;
      });
      return token === undefined
        ? undefined
        : new Lease({ key: `task:${task}`, token }, ownLeaseQuery(task, token), clock, untilMs);
    },

    async renew(task, lease) {
      const untilMs = clock.now() + taskLeaseMs;
      const { numUpdatedRows } = await change(task, lease.token)
        .set({ lease_until_ms: untilMs })
        .executeTakeFirst();
      if (numUpdatedRows > 0n) lease.untilMs = untilMs;
      else lease.lose();
      return numUpdatedRows > 0n;
    },

    async giveBack(task, lease, ranAtMs) {
      await change(task, lease.token)
        .set({ owner: null, lease_until_ms: 0, ran_at_ms: ranAtMs })
        .execute();
    },
  };
}
