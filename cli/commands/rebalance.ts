// `cobalt rebalance`: shows which servers Cortex would move to balance the fleet; with --apply,
// live-migrates them by Nova.
import type { Command } from 'commander';
import type {
  RebalanceMigration,
  RebalancePlan,
  RebalanceRequest,
} from '#contracts/cortex/rebalance.ts';
import { systemClock } from '#platform/clock.ts';
import type { CloudClient } from '../cloud-client.ts';
import { runMigrations } from '../run-migrations.ts';
import { connectRunning } from '../running-cloud.ts';
import { homeOption } from '../state-folder.ts';
import { table } from '../table.ts';
import { UserError } from '../user-error.ts';
import { wholeNumber } from '../whole-number.ts';

interface Options {
  home?: string;
  apply?: true;
  json?: true;
  tolerance: number;
  most: number;
  perHost: number;
  rest: number;
  atOnce: number;
}

/** Deadline of the request for a plan. Long, since Cortex lists all servers of the fleet for it. */
const planTimeoutMs = 120_000;

export function define(command: Command): void {
  command
    .option(...homeOption)
    .option('--plan', 'show what would move, and move nothing: the default')
    .option('--apply', 'move it')
    .option('--json', 'the plan as JSON')
    .option(
      '--tolerance <percent>',
      'how far from the mean of its zone a host may be',
      wholeNumber(50, 1),
      5,
    )
    .option('--most <n>', 'migrations at most', wholeNumber(1_000, 1), 50)
    .option('--per-host <n>', 'from one host or to it at most', wholeNumber(1_000, 1), 10)
    .option(
      '--rest <minutes>',
      'leave servers alone that have moved since',
      wholeNumber(10_080, 0),
      60,
    )
    .option('--at-once <n>', 'migrations at the same time', wholeNumber(50, 1), 2)
    .addHelpText(
      'after',
      '\nOf a cloud with cortex.enabled: docs/how-to/placement-decisions.md.\n\nExamples:\n  ./cobalt rebalance\n  ./cobalt rebalance --apply --most 10\n  ./cobalt rebalance --tolerance 10 --json',
    )
    .action(async (options: Options) => {
      const cloud = await connectRunning(options.home, planTimeoutMs);
      const plan = await planOf(cloud, options, []);
      if (options.json && !options.apply) return print(JSON.stringify(plan, null, 2));
      print(planText(plan));
      if (options.apply) await apply(cloud, options, plan);
      else if (plan.migrations.length > 0) print('Nothing was moved: --apply does it.');
    });
}

const print = (text: string): void => void process.stdout.write(`${text}\n`);

async function planOf(
  cloud: CloudClient,
  { tolerance, most, perHost, rest }: Options,
  without: string[],
): Promise<RebalancePlan> {
  const request = {
    tolerance: tolerance / 100,
    most_migrations: most,
    most_per_host: perHost,
    rest_minutes: rest,
    without,
  } satisfies RebalanceRequest;
  const { status, body } = await cloud.send('scheduler', 'POST', '/rebalance', request);
  if (status === 404)
    throw new UserError('Cortex plans migrations, and it is switched off: cortex.enabled.');
  const { error } = (body ?? {}) as { error?: { message?: string } };
  if (status !== 200) throw new UserError(error?.message ?? `Cortex answered ${status}.`);
  return body as unknown as RebalancePlan; // the body of a 200 of POST /rebalance
}

const percent = (share: number): string => `${Math.round(share * 100)} %`;

/** A plan as text for people. */
export function planText({ hosts, findings, migrations }: RebalancePlan): string {
  const open = hosts.filter((host) => host.open);
  const uses = open.map(({ use }) => use);
  const head =
    open.length === 0
      ? 'No host is up and enabled.'
      : `${open.length} hosts, ${percent(Math.min(...uses))} to ${percent(Math.max(...uses))} of their memory used`;
  const rows = findings.map(({ detector, host, text }) => [host, detector, text]);
  const lines = migrations.map((one) => [
    one.server,
    one.name,
    `${one.from} ${percent(one.use_of_source[0])} → ${percent(one.use_of_source[1])}`,
    `${one.to} ${percent(one.use_of_target[0])} → ${percent(one.use_of_target[1])}`,
    `${one.memory_mib} MiB`,
    one.reason,
  ]);
  return [
    head,
    ...(rows.length > 0 ? ['', table(['HOST', 'DETECTOR', 'FINDING'], rows)] : []),
    '',
    lines.length > 0
      ? table(['SERVER', 'NAME', 'FROM', 'TO', 'MEMORY', 'WHY'], lines)
      : rows.length > 0
        ? 'No migration would make it better.'
        : 'The fleet is in balance: nothing is to be moved.',
  ].join('\n');
}

/** Migrates by the plan. If migrations fail, makes a new plan without the servers that failed. */
async function apply(cloud: CloudClient, options: Options, first: RebalancePlan): Promise<void> {
  const [moved, failed]: [string[], string[]] = [[], []];
  const onEnd = ({ name, from, to }: RebalanceMigration, failure: string | undefined): void =>
    print(failure === undefined ? `  ✓ ${name}: ${from} → ${to}` : `  ✗ ${name}: ${failure}`);
  let { migrations } = first;
  while (migrations.length > 0) {
    const left = options.most - moved.length - failed.length;
    const deps = { cloud, clock: systemClock, onEnd };
    const result = await runMigrations(deps, migrations.slice(0, left), options.atOnce);
    moved.push(...result.moved);
    failed.push(...result.failed);
    if (result.failed.length === 0 || moved.length + failed.length >= options.most) break;
    ({ migrations } = await planOf(cloud, options, [...moved, ...failed]));
  }
  if (moved.length + failed.length > 0)
    print(`${moved.length} moved${failed.length > 0 ? `, ${failed.length} failed` : ''}`);
  if (failed.length > 0) process.exitCode = 1;
}
