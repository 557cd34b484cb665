// `cobalt explain`: why a server is on its host, or why no host was found, from Cortex's record.
import type { Command } from 'commander';
import { connectRunning } from '../running-cloud.ts';
import { homeOption } from '../state-folder.ts';
import { table } from '../table.ts';
import { UserError } from '../user-error.ts';

/** An entry in the answer of GET /scheduler/decisions/{server}. */
export interface DecisionEntry {
  decided_at: string;
  intent: string;
  pipeline: string;
  hosts_in: number;
  hosts_out: number;
  why_not?: string;
  steps: {
    step: string;
    hosts_out: number;
    removed: { text: string; count: number; hosts: string[] }[];
  }[];
  targets: { host: string; weight: number; weight_by_step: Record<string, number> }[];
  no_host: { cause: string; text: string } | null;
  hosts_without_filter: Record<string, number>;
}

interface Options {
  home?: string;
  host?: string;
  json?: true;
}

export function define(command: Command): void {
  command
    .argument('<server>', 'its id')
    .option(...homeOption)
    .option('--host <name>', 'also why it is not on this host')
    .option('--json', 'all remembered decisions, as JSON')
    .addHelpText(
      'after',
      '\nOf a cloud with cortex.enabled: docs/how-to/placement-decisions.md.\n\nExamples:\n  ./cobalt explain 5f0d8bd6-0c1a-4f6e-9d55-1d6c4a3b2a10\n  ./cobalt explain 5f0d8bd6-0c1a-4f6e-9d55-1d6c4a3b2a10 --host host2',
    )
    .action(async (server: string, options: Options) => {
      const decisions = await readDecisions(server, options);
      const [last] = decisions;
      process.stdout.write(
        options.json || !last ? `${JSON.stringify(decisions, null, 2)}\n` : decisionText(last),
      );
    });
}

async function readDecisions(server: string, { home, host }: Options): Promise<DecisionEntry[]> {
  const cloud = await connectRunning(home);
  const query = host === undefined ? '' : `?host=${encodeURIComponent(host)}`;
  const { status, body } = await cloud.send(
    'scheduler',
    'GET',
    `/decisions/${encodeURIComponent(server)}${query}`,
  );
  if (status === 404)
    throw new UserError(
      `Cortex remembers no decision on ${server}: it is switched off (cortex.enabled), was started later, or the id is wrong.`,
    );
  if (status !== 200) throw new UserError(`Cortex answered ${status}.`);
  return (body as unknown as { decisions: DecisionEntry[] }).decisions; // Cast: the body of a 200.
}

/** A decision as text for people. */
export function decisionText(decision: DecisionEntry): string {
  const { targets, steps, no_host: noHost } = decision;
  const head = `${decision.decided_at} ${decision.intent}: ${decision.hosts_out} of ${decision.hosts_in} hosts fit (${decision.pipeline})`;
  const without = Object.entries(decision.hosts_without_filter);
  const removals = steps.flatMap(({ step, removed }) =>
    removed.map(({ text, count, hosts }) => [
      step,
      `${count}`,
      text,
      `${hosts.slice(0, 3).join(', ')}${count > 3 ? ', …' : ''}`,
    ]),
  );
  const weighers = [...new Set(targets.flatMap((one) => Object.keys(one.weight_by_step)))];
  const ranked = targets.map(({ host, weight, weight_by_step: byStep }) => [
    host,
    weight.toFixed(4),
    ...weighers.map((name) => (byStep[name] ?? 0).toFixed(4)),
  ]);
  return [
    head,
    ...(noHost ? [`no valid host (${noHost.cause}): ${noHost.text}`] : []),
    ...without.map(([filter, hosts]) => `without ${filter}: ${hosts} hosts`),
    ...(decision.why_not === undefined ? [] : [decision.why_not]),
    ...(removals.length > 0 ? ['', table(['FILTER', 'OUT', 'A HOST', 'HOSTS'], removals)] : []),
    ...(ranked.length > 0
      ? ['', table(['HOST', 'WEIGHT', ...weighers.map((name) => name.toUpperCase())], ranked)]
      : []),
    '',
  ].join('\n');
}
