// `cobalt test`: runs everything that CI runs. Light tests run in parallel, those with real daemons
// one after the other. What a killed test run left behind is removed before and after.
import { glob, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { interruptedCode, runTool, repository } from '../run-tool.ts';
import { sweepTests } from '../sweep-tests.ts';
import { wholeNumber } from '../whole-number.ts';
import { runChecks } from './check.ts';

// Tests that start QEMU, libvirt or MariaDB, or that measure memory. They run one at a time, since
// two would overload a machine of two cores.
const heavy = [
  /^test\/e2e\//,
  /^adapters\/libvirt\/libvirt\.test/,
  /^hosts\//,
  /^images\//,
  /^test\/migration\//,
  /mariadb/,
  /large/,
];
// Suites that download much or take many minutes; they run only if an argument names their folder.
const onDemand = [
  'images/guest',
  'test/debian',
  'test/documents',
  'test/ha-laboratory',
  'test/hosts',
  'test/mariadb-whole',
  'test/moves',
  'test/races',
  'test/troubles',
] as const;
const largestSeed = 999_999_999;
const perTestTimeoutMs = 900_000;
const onDemandTimeoutMs = 3_600_000;
/** Time for each simulation that --runs asks for, as a mean. */
const perSimulationMs = 10_000;

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
    .option('--runs <n>', 'simulations: how many seeds of each kind', wholeNumber(1_000_000, 1))
    .option('-y, --yes', 'install missing Debian packages without asking')
    .addHelpText(
      'after',
      `
Examples:
  ./cobalt test
  ./cobalt test nova           only tests with "nova" in their path
  ./cobalt test e2e --no-checks
  ./cobalt test sim/seeds --seed 24        that simulation again: same seed, same trace
  ./cobalt test sim/ha-seeds --runs 100    simulations of hosts that die

Suites that run only when their folder is named:
  images/guest         the guest images are booted
  test/debian          the Debian image from end to end; downloads 150 MB
  test/documents       the commands of all documents, as printed, twice
  test/ha-laboratory   real hosts are cut off from the management, tunnels, storage and BMC
  test/hosts           hosts join and leave a running cloud
  test/mariadb-whole   every test of the services on MariaDB
  test/moves           servers move between real hosts: resize, migration, evacuation, shelving
  test/races           64 clients want the last places of a cloud; --runs tells how often
  test/troubles        daemons, hosts and the filer are killed under a real cloud`,
    )
    .action(async (paths: string[], options: TestOptions) => {
      // Read by test/sim/seeds.test.ts.
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
      const wanted = chooseTests(files, paths);
      if (wanted.length === 0) {
        process.stderr.write(`cobalt: no test file contains ${paths.join(' or ')}\n`);
        process.exitCode = 1;
        return;
      }
      await sweepTests(printLine);
      const folder = await mkdtemp(join(tmpdir(), 'cobalt-failures-'));
      let parts = 0;
      const good = options.checks ? await runChecks() : true;
      const isHeavy = (file: string): boolean => heavy.some((pattern) => pattern.test(file));
      const isOnDemand = (file: string): boolean => suiteOf(file) !== undefined;
      // Not without a file: node would then look for test files itself, and run all of them.
      const run = async (
        testFiles: readonly string[],
        concurrency: number,
        timeoutMs = perTestTimeoutMs + (options.runs ?? 0) * perSimulationMs,
      ): Promise<number> =>
        testFiles.length === 0
          ? 0
          : await runTool(
              'node',
              [
                '--test',
                `--test-concurrency=${concurrency}`,
                `--test-timeout=${timeoutMs}`,
                '--test-reporter=spec',
                '--test-reporter-destination=stdout',
                `--test-reporter=${join(repository, 'cli/failures-reporter.ts')}`,
                `--test-reporter-destination=${join(folder, String((parts += 1)))}`,
                ...testFiles,
              ],
              env,
            );
      const code = await run(
        wanted.filter((file) => !isHeavy(file) && !isOnDemand(file)),
        2,
      );
      const heavyCode = await run(wanted.filter(isHeavy), 1);
      const onDemandCode = await run(wanted.filter(isOnDemand), 1, onDemandTimeoutMs);
      const isPassed = [code, heavyCode, onDemandCode].every((each) => each === 0);
      await sweepTests(printLine);
      await printFailures(folder);
      process.exitCode = interruptedCode() ?? (good && isPassed ? 0 : 1);
    });
}

/** Prints the failures of all parts together, since those of the first part have scrolled away. */
async function printFailures(folder: string): Promise<void> {
  const failures = await Promise.all(
    (await readdir(folder))
      .toSorted()
      .map(async (name) => await readFile(join(folder, name), 'utf8')),
  );
  await rm(folder, { recursive: true });
  const text = failures.join('');
  if (text !== '') process.stdout.write(`\nWhat failed, of all parts:\n\n${text}`);
}

const printLine = (text: string): void => void process.stderr.write(`cobalt: ${text}\n`);

const suiteOf = (file: string): string | undefined =>
  onDemand.find((folder) => file.startsWith(`${folder}/`));

/** Test files that `paths` select; a suite of `onDemand` only if one of them names its folder. */
export function chooseTests(files: readonly string[], paths: readonly string[]): string[] {
  return files.filter((file) => {
    const folder = suiteOf(file);
    if (folder !== undefined) return paths.some((path) => path.startsWith(folder));
    return paths.length === 0 || paths.some((path) => file.includes(path));
  });
}
