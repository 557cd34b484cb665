// Background tasks: periodic work that checks and restores an invariant. Roles and agents list
// their tasks, the runner runs them, each in its scope.
import type { Clock } from '../clock.ts';
import { FenceLost, withFence } from '../fence.ts';
import type { Ids } from '../ids.ts';
import type { Lease } from '../lease.ts';
import type { Log } from '../log.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { TaskLeases } from './task-leases.ts';
import { taskLeaseMs } from './task-leases.ts';

export interface Task {
  /** `<service>.<verb-noun>`, e.g. 'nova.reap-stale-consoles'. */
  name: string;
  everyMs: number;
  /**
   * `every`: each process that has the task runs it. `one`: one process at a time, and once per
   * period however many processes have the task; its writes are fenced by the lease.
   */
  scope: 'every' | 'one';
  /**
   * Level-triggered and idempotent: reads the actual state and corrects it. `signal` aborts when
   * the process stops and when the lease is lost.
   */
  run(signal: AbortSignal): Promise<void>;
  /** Also run when a process starts, even if another process has run it recently. */
  atStart?: boolean;
}

export interface TaskRunner {
  /**
   * Starts to run the tasks. `leases`: those in the database of the tasks' service; required for
   * tasks of scope `one`.
   */
  start(tasks: readonly Task[], leases?: TaskLeases): void;
  /** Starts no more runs; resolves when no task is running any more. */
  stop(): Promise<void>;
}

/** Jitter of a tenth of the period, so that tasks with the same period do not run in step. */
const pauseJitter = { least: 0.95, spread: 0.1 };
const renewEveryMs = taskLeaseMs / 3;

export function createTaskRunner(deps: {
  clock: Clock;
  ids: Ids;
  log: Log;
  metrics?: Metrics;
}): TaskRunner {
  const { clock, ids, log } = deps;
  const stopping = new AbortController();
  const loops: Promise<void>[] = [];

  const runOnce = async (
    task: Task,
    leases: TaskLeases | undefined,
    { starting = false } = {},
  ): Promise<void> => {
    const startedAt = clock.now();
    let outcome = 'ok';
    try {
      if (leases === undefined) await task.run(stopping.signal);
      else if (!(await runUnderLease(task, leases, starting))) return;
    } catch (error) {
      if (stopping.signal.aborted) return;
      outcome = 'error';
      if (error instanceof FenceLost)
        log.warn({ task: task.name, err: error }, 'task given up here: its lease was lost');
      else log.error({ task: task.name, err: error }, 'task failed; it will run again');
    }
    deps.metrics?.task({ task: task.name, outcome }, clock.now() - startedAt);
  };

  /** Runs the task under its lease; returns false if another process runs it in this period. */
  const runUnderLease = async (
    task: Task,
    leases: TaskLeases,
    starting: boolean,
  ): Promise<boolean> => {
    // A run by another process counts for this period, although this process's jittered pause may
    // be slightly shorter. At its start, a process does not wait for the period of one that has
    // just died.
    const notWithinMs = starting ? 0 : task.everyMs * (pauseJitter.least - 0.05);
    const lease = await leases.take(task.name, notWithinMs);
    if (!lease) return false;
    const ranAtMs = clock.now();
    const renewal = clock.every(
      renewEveryMs,
      async () => void (await leases.renew(task.name, lease)),
      {
        onError: (error) => {
          log.warn({ task: task.name, held: lease.held, err: error }, 'task lease not renewed');
        },
      },
    );
    try {
      await withFence(lease, async () => await task.run(signalOf(lease)));
      return true;
    } finally {
      await renewal.stop();
      // If this fails, the lease expires by itself.
      await leases
        .giveBack(task.name, lease, ranAtMs)
        .catch((error: unknown) =>
          log.warn({ task: task.name, err: error }, 'task lease not given back'),
        );
    }
  };
  const signalOf = (lease: Lease): AbortSignal => AbortSignal.any([stopping.signal, lease.lost]);

  const loop = async (task: Task, leases: TaskLeases | undefined): Promise<void> => {
    if (task.atStart) await runOnce(task, leases, { starting: true });
    while (!stopping.signal.aborted) {
      const waitMs = task.everyMs * (pauseJitter.least + pauseJitter.spread * ids.random());
      await clock.sleep(waitMs, { signal: stopping.signal, unref: true }).catch(() => undefined);
      if (!stopping.signal.aborted) await runOnce(task, leases);
    }
  };

  return {
    start: (tasks, leases) => {
      for (const task of tasks) {
        if (task.scope === 'one' && leases === undefined)
          throw new Error(`the task ${task.name} runs in one process, but was given no leases`);
        loops.push(loop(task, task.scope === 'one' ? leases : undefined));
      }
    },
    stop: async () => {
      stopping.abort();
      await Promise.all(loops);
    },
  };
}
