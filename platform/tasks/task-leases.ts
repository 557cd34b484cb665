// Lets only one of several processes with one database run a task of scope `one` at a time. The
// right to run is a lease, a row in the service's own database; the task runner takes, renews and
// returns it.
import type { CompiledQuery, Kysely } from 'kysely';
import type { Clock } from '../clock.ts';
import { insertIfAbsent, isMysql, transaction } from '../db/transaction.ts';
import { Lease } from '../lease.ts';

export interface TaskLeaseTables {
  task_leases: {
    name: string;
    owner: string | null;
    /** Incremented with each run: of two, the one with the greater token is newer. */
    token: number;
    lease_until_ms: number;
    /** When the last completed run started; 0: never. */
    ran_at_ms: number;
  };
}

export interface TaskLeases {
  /**
   * Takes the right to run the task now. undefined: another process runs it, or has run it within
   * `notWithinMs`. A lease that this owner had before a restart is taken over.
   */
  take(task: string, notWithinMs: number): Promise<Lease | undefined>;
  /** Extends it. False: it was lost, and the lease is marked so. */
  renew(task: string, lease: Lease): Promise<boolean>;
  /** Ends the run that started then. Changes nothing if the lease was lost. */
  giveBack(task: string, lease: Lease, ranAtMs: number): Promise<void>;
}

/** Without a renewal for this long, another process may take the task. */
export const taskLeaseMs = 30_000;

const neverRun = { owner: null, token: 0, lease_until_ms: 0, ran_at_ms: 0 };

/** `owner` identifies this process, and no two processes at a time (a host name, a pod name). */
export function createTaskLeases(deps: {
  /** A database that has the task_leases table. */
  db: Kysely<any>;
  owner: string;
  clock: Clock;
}): TaskLeases {
  const { owner, clock } = deps;
  const db = deps.db as Kysely<TaskLeaseTables>;
  const held = (name: string, token: number): CompiledQuery => {
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
    // Two processes may start at the same time: the second finds the row of the first.
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
        // By a clock that is a little ahead of ours, it ran at a moment that is still to come. One
        // that was far ahead must not keep the task from running until then.
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
        : new Lease({ key: `task:${task}`, token }, held(task, token), clock, untilMs);
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
