// A process that runs simulations one after the other, for seeds.test.ts: it receives seeds and
// sends results as messages. Argument: a folder for the traces of failures (optional).
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SimulationOptions } from './simulate.ts';
import { simulate } from './simulate.ts';

export interface SeedReport {
  seed: number;
  failure?: string;
  troubles: number;
  virtualMs: number;
  /** Checksum of the trace. */
  sha256: string;
  /** File with the trace of a failure. */
  traceFile?: string;
}

const [, , traceFolder = '', options = '{}'] = process.argv;

process.on('message', (seed: number) => {
  void (async () => {
    const { trace, ...result } = await simulate(seed, JSON.parse(options) as SimulationOptions);
    const report: SeedReport = {
      seed,
      ...result,
      sha256: createHash('sha256').update(trace).digest('hex'),
    };
    if (result.failure !== undefined && traceFolder !== '') {
      report.traceFile = join(traceFolder, `trace-${seed}.txt`);
      writeFileSync(report.traceFile, trace);
    }
    process.send?.(report);
  })();
});
