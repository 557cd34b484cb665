// `cobalt test`: everything CI runs. Cheap tests side by side, those with real daemons one after
// the other.
import { glob } from 'node:fs/promises';
import type { Command } from 'commander';
import { runTool, repository } from '../run-tool.ts';
import { runChecks } from './check.ts';
import { wholeNumber } from './up.ts';

// Components whose tests start QEMU, libvirt or MariaDB, or measure memory: two cores hold one of
// them at a time.
const heavy = [
  /^test\/e2e\//,
  /^adapters\/libvirt\/libvirt\.test/,
  /^hosts\//,
  /^images\//,
  /mariadb/,
  /large/,
];
const largestSeed = 999_999_999;
const perTestTimeoutMs = 600_000;

interface TestOptions {
  checks: boolean;
  seed?: number;
  runs?: number;
}

export function define(command: Command): void {
  command
    .argument('[paths...]', 'only tests whose path contains one of these')
    .option('--no-checks', 'leave out the checks of `./cobalt check`')
    .option(
      '--seed <n>',
      'simulations: the first seed; alone unless --runs tells more',
      wholeNumber(largestSeed),
    )
    .option('--runs <n>', 'simulations: how many seeds; 25 unless told', wholeNumber(1_000_000, 1))
    .option('-y, --yes', 'install missing Debian packages without asking')
    .addHelpText(
      'after',
      '\nExamples:\n  ./cobalt test\n  ./cobalt test nova           only tests with "nova" in their path\n  ./cobalt test e2e --no-checks\n  ./cobalt test sim/seeds --seed 24        that simulation again: same seed, same trace\n  ./cobalt test sim --runs 2000            2000 simulations, and all else of test/sim',
    )
    .action(async (paths: string[], options: TestOptions) => {
      // for test/sim/seeds.test.ts
      const env = {
        ...(options.seed === undefined ? {} : { SIM_SEED: String(options.seed) }),
        ...(options.runs === undefined ? {} : { SIM_RUNS: String(options.runs) }),
      };
      const files = (
        await Array.fromAsync(
          glob('*/**/*.test.ts', {
            cwd: repository,
            exclude: (path) => /^(node_modules|\.)/.test(path),
          }),
        )
      ).sort();
      const wanted =
        paths.length === 0
          ? files
          : files.filter((file) => paths.some((path) => file.includes(path)));
      if (wanted.length === 0) {
        process.stderr.write(`cobalt: no test file contains ${paths.join(' or ')}\n`);
        process.exitCode = 1;
        return;
      }
      const good = options.checks ? await runChecks() : true;
      const isHeavy = (file: string): boolean => heavy.some((pattern) => pattern.test(file));
      // Without a file, node would look for tests itself, and run all there are.
      const run = async (chosen: readonly string[], concurrency: number): Promise<number> =>
        chosen.length === 0
          ? 0
          : await runTool(
              'node',
              [
                '--test',
                `--test-concurrency=${concurrency}`,
                `--test-timeout=${perTestTimeoutMs}`,
                '--test-reporter=spec',
                '--test-reporter-destination=stdout',
                ...chosen,
              ],
              env,
            );
      const code = await run(
        wanted.filter((file) => !isHeavy(file)),
        2,
      );
      const heavyCode = await run(wanted.filter(isHeavy), 1);
      process.exitCode = good && code === 0 && heavyCode === 0 ? 0 : 1;
    });
}
