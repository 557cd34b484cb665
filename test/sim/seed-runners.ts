// Runs simulations of many seeds in several processes; a process runs one seed at a time. Used by
// seeds.test.ts.
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { SeedReport } from './run-seeds.ts';
import type { SimulationOptions } from './simulate.ts';

const program = fileURLToPath(new URL('run-seeds.ts', import.meta.url));
/** Real time for one seed: a limit for a simulation that loops for ever. */
const seedTimeoutMs = 300_000;

export interface RunSeedsOptions {
  /** Folder for the traces of failures. */
  traceFolder: string;
  simulation?: SimulationOptions;
  /** Number of processes; by default as many as there are cores. */
  atOnce?: number;
  /** Called when a seed has ended; true: start no further seeds. */
  onReport?(report: SeedReport): boolean;
}

/**
 * Runs the simulations of these seeds; returns the reports of all started ones, in the order of the
 * seeds.
 */
export async function runSeeds(
  seeds: readonly number[],
  { traceFolder, simulation = {}, atOnce = availableParallelism(), onReport }: RunSeedsOptions,
): Promise<SeedReport[]> {
  const reports: SeedReport[] = [];
  const left = [...seeds];
  const runner = async (): Promise<void> => {
    const child = fork(program, [traceFolder, JSON.stringify(simulation)]);
    try {
      for (let seed = left.shift(); seed !== undefined; seed = left.shift()) {
        const report = await simulated(child, seed);
        reports.push(report);
        if (onReport?.(report)) left.length = 0;
      }
    } finally {
      child.kill('SIGKILL');
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, seeds.length) }, runner));
  return reports.sort((a, b) => a.seed - b.seed);
}

async function simulated(child: ChildProcess, seed: number): Promise<SeedReport> {
  return await new Promise((resolve, reject) => {
    const over = (end: () => void): void => {
      clearTimeout(late);
      child.removeAllListeners();
      end();
    };
    const late = setTimeout(() => {
      over(() => reject(new Error(`seed ${seed} takes longer than ${seedTimeoutMs / 1000} s`)));
    }, seedTimeoutMs);
    child.once('message', (report) => over(() => resolve(report as SeedReport)));
    child.once('exit', (code, signal) =>
      over(() => reject(new Error(`seed ${seed} ended its process: ${code ?? signal}`))),
    );
    child.send(seed);
  });
}
