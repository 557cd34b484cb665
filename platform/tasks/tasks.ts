// Background tasks: what must stay true is looked at again and again. A service lists its tasks,
// the runner runs them.
import type { Clock } from '../clock.ts';
import type { Ids } from '../ids.ts';
import type { Log } from '../log.ts';
import type { Metrics } from '../metrics/metrics.ts';

export interface Task {
  /** `<service>.<verb-noun>`, e.g. 'nova.reap-stale-consoles'. */
  name: string;
  everyMs: number;
  /** Level-triggered and idempotent: reads what is, mends what is not as it should be. */
  run(signal: AbortSignal): Promise<void>;
  /** Runs at once at start, too. */
  atStart?: boolean;
}

export interface TaskRunner {
  start(tasks: readonly Task[]): void;
  /** Resolves when no task runs any more. */
  stop(): Promise<void>;
}

export function createTaskRunner(deps: {
  clock: Clock;
  ids: Ids;
  log: Log;
  metrics?: Metrics;
}): TaskRunner {
  const stopping = new AbortController();
  const loops: Promise<void>[] = [];
  const runOnce = async (task: Task): Promise<void> => {
    const startedAt = deps.clock.now();
    let outcome = 'ok';
    try {
      await task.run(stopping.signal);
    } catch (error) {
      if (stopping.signal.aborted) return;
      outcome = 'error';
      deps.log.error({ task: task.name, err: error }, 'task failed; it will run again');
    }
    deps.metrics?.task({ task: task.name, outcome }, deps.clock.now() - startedAt);
  };
  const loop = async (task: Task): Promise<void> => {
    if (task.atStart) await runOnce(task);
    while (!stopping.signal.aborted) {
      // A tenth of jitter, so that many tasks of one period do not beat together.
      const waitMs = task.everyMs * (0.95 + 0.1 * deps.ids.random());
      await deps.clock
        .sleep(waitMs, { signal: stopping.signal, unref: true })
        .catch(() => undefined);
      if (!stopping.signal.aborted) await runOnce(task);
    }
  };
  return {
    start: (tasks) => {
      for (const task of tasks) loops.push(loop(task));
    },
    stop: async () => {
      stopping.abort();
      await Promise.all(loops);
    },
  };
}
