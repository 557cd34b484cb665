// `cobalt bench`: runs benchmarks and prints one table with each figure's bar and stock OpenStack's
// figure. With --against, compares with another commit instead.
import { Argument, InvalidArgumentError } from 'commander';
import type { Command } from 'commander';
import { benchAgainst } from '#tools/bench/against.ts';
import { compareRounds, comparisonTable } from '#tools/bench/compare.ts';
import type { Figure } from '#tools/bench/report.ts';
import { figuresAsJson, figureTable, holds } from '#tools/bench/report.ts';
import { UserError } from '../user-error.ts';

type Say = (text: string) => void;

type Bench = (say: Say, options: Omit<Options, 'rounds'> & { rounds: number }) => Promise<Figure[]>;

const haRounds = 5;
const pairsOfRuns = 3;

const benches: Readonly<Record<string, Bench>> = {
  control: async (say, options) =>
    await (await import('#tools/bench/control.ts')).benchControl(say, options),
  boot: async (say) => await (await import('#tools/bench/boot.ts')).benchBoot(say),
  memory: async (say) => await (await import('#tools/bench/memory.ts')).benchMemory(say),
  network: async (say) => await (await import('#tools/bench/network.ts')).benchNetwork(say),
  storage: async (say) => await (await import('#tools/bench/storage.ts')).benchStorage(say),
  kube: async (say) => await (await import('#tools/bench/kube.ts')).benchKube(say),
  migrate: async (say) => await (await import('#tools/bench/migrate.ts')).benchMigrate(say),
  ha: async (say, options) => await (await import('#tools/bench/ha.ts')).benchHa(say, options),
  stall: async (say) => await (await import('#tools/bench/stall.ts')).benchStall(say),
  rpc: async (say) => await (await import('#tools/bench/rpc.ts')).benchRpc(say),
  cortex: async (say) => await (await import('#tools/bench/cortex.ts')).benchCortex(say),
  quality: async (say) => await (await import('#tools/bench/cortex-quality.ts')).benchQuality(say),
};

interface Options {
  json?: true;
  /** Measure a distributed cloud; only for `bench control`. */
  distributed?: true;
  /** Number of simulated hosts; only for `bench control`. */
  hosts?: number;
  against?: string;
  rounds?: number;
  tolerance: number;
}

export function define(command: Command): void {
  command
    .addArgument(
      new Argument(
        '<what>',
        "control: APIs and scheduling over simulated hosts. boot: from POST /servers to the guest kernel. memory: resident, idle, two hosts. network: guests' packets, ports in Neutron and OVN. storage: volumes, made, attached, written. migrate: a running guest moves to another host. ha: a host with six servers loses its power. kube: 2,000 hypervisors in the Kubernetes API. stall: how long hostile requests keep others waiting. rpc: a call over RabbitMQ, beside a bare client. cortex: placement decisions over 5,000 hosts, beside their naive form. quality: how well they pack servers, beside Nova's weighers",
      ).choices(Object.keys(benches)),
    )
    .option('--json', 'as JSON')
    .option(
      '--against <ref>',
      'run the benchmark of this commit, branch or tag in turns with this checkout, and print the ratio of each figure',
    )
    .option('--distributed', 'with control: its roles as processes over MariaDB and RabbitMQ')
    .option('--hosts <n>', 'with control: simulated hosts (100)', positiveInteger)
    .option(
      '--rounds <n>',
      `with --against: pairs of runs (${pairsOfRuns} by default); of ha: hosts that die (${haRounds})`,
      positiveInteger,
    )
    .option('--tolerance <percent>', 'with --against: how much slower is accepted', percent, 5)
    .option('-y, --yes', 'install missing Debian packages without asking')
    .addHelpText(
      'after',
      '\nExit code: 0 every bar holds, 1 one is missed. With --against: 0 no figure is slower, 1 one is; 130 interrupted.\n\nExamples:\n  ./cobalt bench control\n  ./cobalt bench boot --json\n  ./cobalt bench control --against HEAD~1 --rounds 5',
    )
    .action(async (what: string, options: Options) => {
      const say = (text: string): void => void process.stderr.write(`  measuring: ${text}\n`);
      if (what !== 'control' && (options.distributed || options.hosts !== undefined))
        throw new UserError(`--distributed and --hosts are of bench control, not of ${what}.`);
      if (options.against !== undefined) {
        if (options.distributed || options.hosts !== undefined)
          throw new UserError('--against compares embedded clouds of 100 hosts.');
        await compare(what, options.against, options, say);
        return;
      }
      const { rounds = haRounds } = options;
      const figures = (await benches[what]?.(say, { ...options, rounds })) ?? [];
      const title = `cobalt bench ${what}`;
      process.stdout.write(
        options.json
          ? `${figuresAsJson(title, figures)}\n`
          : `\n${title}\n\n${figureTable(figures)}\n\n`,
      );
      process.exitCode = figures.every(holds) ? 0 : 1;
    });
}

async function compare(
  what: string,
  ref: string,
  { json, rounds = pairsOfRuns, tolerance }: Options,
  say: Say,
): Promise<void> {
  const interruption = new AbortController();
  const interrupt = (): void => interruption.abort();
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const name of signals) process.on(name, interrupt);
  try {
    const measured = await benchAgainst({ what, ref, rounds, say, signal: interruption.signal });
    const comparisons = compareRounds(measured, tolerance / 100);
    process.stdout.write(
      json
        ? `${JSON.stringify({ title: `cobalt bench ${what}`, against: ref, rounds, comparisons }, null, 2)}\n`
        : `\ncobalt bench ${what}: this checkout against ${ref}, medians of ${rounds} rounds\n\n${comparisonTable(comparisons, { base: ref, current: 'THIS CHECKOUT' })}\n\n`,
    );
    process.exitCode = comparisons.some(({ verdict }) => verdict === 'slower') ? 1 : 0;
  } catch (error) {
    if (!interruption.signal.aborted) throw error;
    process.stderr.write('cobalt: interrupted; the worktree and its clouds are removed\n');
    process.exitCode = 130;
  } finally {
    for (const name of signals) process.removeListener(name, interrupt);
  }
}

function positiveInteger(text: string): number {
  if (!/^[1-9]\d{0,3}$/.test(text)) throw new InvalidArgumentError('It must be 1 to 9999.');
  return Number(text);
}

function percent(text: string): number {
  if (!/^\d{1,3}(\.\d+)?$/.test(text)) throw new InvalidArgumentError('It must be 0 to 999.');
  return Number(text);
}
