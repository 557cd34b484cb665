// Troubles of a simulated control plane's processes while users work: a process is paused for a
// moment, or for longer than its leases last, or is killed and restarted. One process at a time, so
// that another always answers. Used by simulate.ts.
import type { Clock } from '#platform/clock.ts';
import type { Ids } from '#platform/ids.ts';
import { oneOf } from './random-work.ts';
import type { Trace } from './sim-chance.ts';
import type { SimControl } from './sim-control.ts';
import type { SimProcess } from './sim-process.ts';

export interface ProcessTroublesDeps {
  control: SimControl;
  clock: Clock;
  ids: Pick<Ids, 'random'>;
  trace: Trace;
  /** Whether the users have finished. */
  isOver(): boolean;
}

const longestPauseMs = 400;
const longestStopMs = 1_500;
/** Length of a pause that is longer than the leases: a saga's lasts 60 s, a task's 30 s. */
const beyondLeaseMs = { least: 62_000, most: 95_000 };
const longestDownMs = 500;
/**
 * Share of runs with a pause beyond the leases: few, since simulating a long pause takes real time.
 */
const longStopShare = 0.2;

/** Troubles the processes until the users have finished; returns the number of troubles. */
export async function troubleProcesses(deps: ProcessTroublesDeps): Promise<number> {
  const { control, clock, ids, trace, isOver } = deps;
  let isLongStopLeft = ids.random() < longStopShare;
  let troubles = 0;
  for (; ; troubles += 1) {
    await clock.sleep(ids.random() * longestPauseMs);
    const any = oneOf(control.running(), ids);
    if (isOver() || !any) return troubles;
    const { process } = any;
    const dice = ids.random();
    if (isLongStopLeft && dice < 0.3) {
      isLongStopLeft = false;
      const { least, most } = beyondLeaseMs;
      await stopFor(process, least + ids.random() * (most - least));
    } else if (dice < 0.7) await stopFor(process, ids.random() * longestStopMs);
    else await replace(process);
  }

  async function stopFor(process: SimProcess, ms: number): Promise<void> {
    trace.add('process stops', { process: process.name, ms });
    process.stop();
    await clock.sleep(ms);
    process.goOn();
    trace.add('process goes on', { process: process.name });
  }

  async function replace(process: SimProcess): Promise<void> {
    trace.add('process ends', { process: process.name });
    await control.crash(process);
    await clock.sleep(ids.random() * longestDownMs);
    const next = await control.restart(process, ids.random() < 0.7);
    trace.add('process begins', { process: next.name });
  }
}
