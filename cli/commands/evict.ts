// `cobalt evict`: empties a host for maintenance, shows beforehand (--plan) where its servers would
// go, and returns the host to service.
import type { Command } from 'commander';
import { planEviction } from '#compose/plan-eviction.ts';
import { isFault } from '#contracts/common/fault.ts';
import type { Hypervisor } from '#contracts/kube/kinds.ts';
import { hypervisors } from '#contracts/kube/kinds.ts';
import type { Kube } from '#ports/kube.ts';
import { awaitEvicted, maintain } from '../maintain-host.ts';
import type { RunningFleet } from '../running-fleet.ts';
import { answered, withFleet } from '../running-fleet.ts';
import { homeOption, requireHome } from '../state-folder.ts';
import { table } from '../table.ts';
import { UserError } from '../user-error.ts';

interface EvictOptions {
  home?: string;
  plan?: true;
  end?: true;
  json?: true;
  reason: string;
}

export function define(command: Command): void {
  command
    .argument('<host>')
    .option(...homeOption)
    .option('--plan', 'only show where each server would go; changes nothing')
    .option('--end', 'the maintenance is over: the host takes servers again')
    .option('--reason <text>', 'why, for others to read', 'cobalt evict')
    .option('--json', 'the plan as JSON')
    .addHelpText(
      'after',
      '\nThe host takes no more servers, and those that it has are moved, running ones while they run. Where one fits nowhere nothing is moved. Exit code of --plan: 0 all fit, 1 one does not.\n\nExamples:\n  ./cobalt evict h1 --plan\n  ./cobalt evict h1 --reason "new memory"\n  ./cobalt evict h1 --end',
    )
    .action(async (host: string, options: EvictOptions) => {
      const home = requireHome(options.home);
      await withFleet(home, async (fleet) => {
        const hypervisor = await hypervisorOf(fleet.kube, host);
        if (options.plan) return await showPlan(fleet, home.dir, host, options);
        if (options.end) return await end(fleet, hypervisor);
        return await evict(fleet, home.dir, hypervisor, options);
      });
    });
}

async function hypervisorOf(kube: Kube, host: string): Promise<Hypervisor> {
  const hypervisor = await kube.get(hypervisors, { name: host });
  if (!isFault(hypervisor)) return hypervisor;
  if (hypervisor.kind !== 'notFound') throw new UserError(hypervisor.message);
  const names = answered(await kube.list(hypervisors)).map(({ metadata }) => metadata.name);
  throw new UserError(`There is no host ${host}. There are: ${names.join(', ') || 'none'}.`);
}

async function showPlan(
  { kube, origin }: RunningFleet,
  homeDir: string,
  host: string,
  { json }: EvictOptions,
): Promise<void> {
  const { moves, stuck } = answered(await planEviction({ homeDir, origin, kube }, host));
  if (stuck.length > 0) process.exitCode = 1;
  if (json) return void process.stdout.write(`${JSON.stringify({ moves, stuck }, null, 2)}\n`);
  if (moves.length + stuck.length === 0)
    return void process.stdout.write(`No server is on host ${host}.\n`);
  const rows = [
    ...moves.map(({ server, host: target }) => [server.name, server.id, target]),
    ...stuck.map(({ server, why }) => [server.name, server.id, `nowhere: ${why}`]),
  ];
  process.stdout.write(`${table(['SERVER', 'ID', 'GOES TO'], rows)}\n`);
}

async function evict(
  { kube, origin }: RunningFleet,
  homeDir: string,
  { metadata: { name = '' }, spec }: Hypervisor,
  { reason }: EvictOptions,
): Promise<void> {
  if (spec.maintenance === 'ha' || spec.maintenance === 'termination')
    throw new UserError(
      spec.maintenance === 'ha'
        ? `Host ${name} is in the hands of the HA Service: ./cobalt ha status ${name}`
        : `Host ${name} is being removed, which empties it as well.`,
    );
  const { stuck } = answered(await planEviction({ homeDir, origin, kube }, name));
  const [first] = stuck;
  if (first)
    throw new UserError(
      `${stuck.length} of its servers fit nowhere, so nothing was moved: ${first.server.name}, ${first.why}. All of them: ./cobalt evict ${name} --plan`,
    );
  if (!spec.maintenance) await maintain(kube, name, 'manual', reason);
  await awaitEvicted(kube, name);
  process.stdout.write(
    `  ✓ host ${name} is empty and takes no servers until: ./cobalt evict ${name} --end\n`,
  );
}

async function end({ kube }: RunningFleet, { metadata: { name = '' }, spec }: Hypervisor) {
  if (spec.maintenance !== 'manual' && spec.maintenance !== 'auto')
    throw new UserError(
      spec.maintenance
        ? `The maintenance of host ${name} is '${spec.maintenance}', which is not ended by hand.`
        : `Host ${name} is in no maintenance.`,
    );
  await maintain(kube, name, '', '');
  process.stdout.write(`  ✓ host ${name} takes servers again\n`);
}
