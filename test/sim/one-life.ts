// One life of a cloud's control plane, for crash.test.ts: continues from the state in the folder,
// waits until all operations have ended, reports, and then works until it is killed. Arguments:
// folder, seed.
import { inspect } from 'node:util';
import { seededIds } from '#platform/ids.ts';
import { createLog } from '#platform/log.ts';
import { eventually } from '#platform/testing/eventually.ts';
import { doSomething, halfMade } from './random-work.ts';
import { startSimCloud } from './sim-cloud.ts';

export interface LifeReport {
  /**
   * After recovery: the number of unfinished operations found at the start, servers by status, and
   * how long recovery took, ms.
   */
  rested?: { leftOver: number; servers: Record<string, number>; ms: number };
  failed?: string;
}

// A limit against operations that never end, far above what a busy machine needs.
const restMs = 80_000;
const users = 3;
const longestPauseMs = 12;
const longestDelayMs = 25;

const [, , dir = '', seed = '0'] = process.argv;
const ids = seededIds(Number(seed));
const sendReport = (report: LifeReport): void => void process.send?.(report);
/** The last errors of the log, for the report of a failure. */
const errors: string[] = [];
const log = createLog({
  level: 'error',
  destination: { write: (line: string) => void (errors.push(line) > 20 && errors.shift()) },
});

try {
  const cloud = await startSimCloud({ dir, hosts: 3, log });
  const startedAt = performance.now();
  const servers: Record<string, number> = {};
  for (const { status } of await cloud.quiet(restMs)) servers[status] = (servers[status] ?? 0) + 1;
  // A volume whose deletion was prevented by a temporary snapshot is deleted in the next run of the
  // task that reaps volumes.
  let left: string[] = [];
  await eventually(async () => (left = await halfMade(cloud)).length === 0, {
    withinMs: restMs,
    everyMs: 500,
    what: 'nothing is half made',
  }).catch((cause: unknown) => {
    throw new Error(`half made: ${left.join(', ')}`, { cause });
  });
  sendReport({
    rested: { leftOver: cloud.leftOver, servers, ms: Math.round(performance.now() - startedAt) },
  });

  const stopping = new AbortController();
  const work = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      // Slow hosts, so that kills hit every step of every operation.
      for (const host of cloud.hosts.values())
        for (const method of [
          'create',
          'destroy',
          'stop',
          'start',
          'attachVolume',
          'detachVolume',
        ] as const)
          if (ids.random() < 0.2)
            host.trouble(method, { kind: 'delay', ms: ids.random() * longestDelayMs });
      await doSomething(cloud, ids);
      await new Promise((resolve) => setTimeout(resolve, ids.random() * longestPauseMs));
    }
  };
  const working = Promise.all(Array.from({ length: users }, work));
  // A message asks the last life of a cloud to end by itself.
  process.once('message', () => stopping.abort());
  await working;
  await cloud.quiet(restMs);
  await cloud.stop();
  process.disconnect();
} catch (error) {
  sendReport({ failed: `${inspect(error)}\n${errors.join('')}` });
  process.exitCode = 1;
  process.disconnect?.();
  setTimeout(() => process.exit(1), 200);
}
