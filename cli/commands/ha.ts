// `cobalt ha`: shows the HA Service's view of the hosts and its plan for a host's failure, switches
// HA on and off, and confirms that a host is fenced or has recovered.
import type { Command } from 'commander';
import { planRecovery } from '#compose/plan-eviction.ts';
import type { Json } from '#contracts/common/json.ts';
import type { HostDetail, HostList, HostPlan } from '#contracts/ha/wire.ts';
import type { CloudClient } from '../cloud-client.ts';
import { connectRunning } from '../running-cloud.ts';
import { answered } from '../running-fleet.ts';
import { homeOption, requireHome } from '../state-folder.ts';
import { table } from '../table.ts';
import { UserError } from '../user-error.ts';

interface HaOptions {
  home?: string;
  json?: true;
}

export function define(command: Command): void {
  command.addHelpText(
    'after',
    '\nExamples:\n  ./cobalt ha status\n  ./cobalt ha status h1\n  ./cobalt ha plan h1\n  ./cobalt ha acknowledge h1',
  );
  command
    .command('status [host]')
    .description('The hosts with their states; of one host its last incident as well.')
    .option(...homeOption)
    .option('--json', 'as JSON')
    .action(async (host: string | undefined, options: HaOptions) => {
      const cloud = await cloudOf(options);
      await (host === undefined ? showAll(cloud, options) : showOne(cloud, host, options));
    });
  command
    .command('plan <host>')
    .description(
      'What would happen if the host died now; changes nothing. Exit code 1: a server fits nowhere.',
    )
    .option(...homeOption)
    .option('--json', 'as JSON')
    .action(
      async (host: string, options: HaOptions) => await plan(await cloudOf(options), host, options),
    );
  for (const [word, enabled, what] of [
    ['enable', true, 'Watch the host again.'],
    ['disable', false, 'Do nothing when the host fails: before you work on it.'],
  ] as const)
    command
      .command(`${word} <host>`)
      .description(what)
      .option(...homeOption)
      .action(async (host: string, options: HaOptions) => {
        await ask(await cloudOf(options), 'POST', host, { enabled });
        print(`  ✓ HA is ${enabled ? 'on' : 'off'} for ${host}`);
      });
  command
    .command('acknowledge <host>')
    .description(
      'A host that could not be fenced is off: you have made sure. Or: one that was recovered may come back.',
    )
    .option(...homeOption)
    .action(async (host: string, options: HaOptions) => {
      const cloud = await cloudOf(options);
      const { meaning } = await ask<{ meaning: string }>(cloud, 'POST', `${host}/acknowledge`);
      print(`  ✓ ${host}: ${meaning}`);
    });
}

const print = (text: string): void => void process.stdout.write(`${text}\n`);
const printJson = (value: object): void => print(JSON.stringify(value, null, 2));

const cloudOf = async ({ home }: HaOptions): Promise<CloudClient> => await connectRunning(home);

/** Sends a request to the HA Service. A refusal is thrown with the service's message. */
async function ask<T>(
  cloud: CloudClient,
  method: 'GET' | 'POST',
  path: string,
  requestBody?: Json,
): Promise<T> {
  const { status, body } = await cloud.send('ha', method, `/api/hypervisors/${path}`, requestBody);
  if (status < 300) return body as T; // cast: the caller names the type of the body
  const { error } = (body ?? {}) as { error?: { message?: string } };
  throw new UserError(error?.message ?? `The HA Service answers ${status}.`);
}

const since = (ms: number): string => new Date(ms).toISOString().replace('T', ' ').slice(0, 19);

async function showAll(cloud: CloudClient, { json }: HaOptions): Promise<void> {
  const list = await cloud.ask<HostList>('ha', 'GET', '/api/hypervisors');
  if (json) return printJson(list);
  if (!list.enabled) print('HA is off: `ha.enabled: true` in cobalt.yaml switches it on.');
  if (list.hypervisors.length === 0) return print('No host has reported to the HA Service.');
  print(
    table(
      ['HOST', 'ZONE', 'STATE', 'SINCE (UTC)', 'HA', 'WHY'],
      list.hypervisors.map(({ host, zone, state, sinceMs, enabled, reason }) => [
        host,
        zone,
        state,
        since(sinceMs),
        enabled ? 'on' : 'off',
        reason,
      ]),
    ),
  );
}

async function showOne(cloud: CloudClient, host: string, { json }: HaOptions): Promise<void> {
  const detail = await ask<HostDetail>(cloud, 'GET', host);
  if (json) return printJson(detail);
  print(`${host} is ${detail.state}${detail.reason === '' ? '' : `: ${detail.reason}`}`);
  if (detail.timeline.length > 0)
    print(
      table(
        ['TIME (UTC)', 'WHAT', 'EVIDENCE'],
        detail.timeline.map(({ atMs, what, detail: evidence }) => [
          since(atMs),
          what,
          Object.entries(evidence)
            .map(([key, value]) => `${key}=${value}`)
            .join(' '),
        ]),
      ),
    );
  showGuests(detail.guests);
  if (detail.moves.length > 0)
    print(
      table(
        ['SERVER', 'NAME', 'STATUS', 'TO', 'PRIORITY', 'TRIES', 'MESSAGE'],
        detail.moves.map((move) => [
          move.server,
          move.name,
          move.status,
          move.destination ?? '-',
          String(move.priority),
          String(move.attempts),
          move.message ?? '',
        ]),
      ),
    );
}

function showGuests(guests: HostDetail['guests']): void {
  if (guests.length === 0) return;
  print('Guests that died on it:');
  print(
    table(
      ['SERVER', 'NAME', 'STARTS', 'LAST (UTC)', 'NOW', 'WHY'],
      guests.map(({ server, name, attempts, lastAtMs, givenUp, message }) => [
        server,
        name,
        String(attempts),
        since(lastAtMs),
        givenUp ? 'left off' : 'started again',
        message,
      ]),
    ),
  );
}

const fencingWords: Record<'redfish' | 'storage' | 'none', string> = {
  redfish: 'its BMC cuts its power',
  storage: 'its BMC is not known; its watchdog ends its guests when it is cut off',
  none: 'it cannot be fenced: nothing would be moved before `cobalt ha acknowledge`',
};

/**
 * The plan with a target for each server; `to` null: it would stay, for the given reason, or
 * because HA is off for it.
 */
export type ShownPlan = Omit<HostPlan, 'servers'> & {
  servers: (HostPlan['servers'][number] & { to: string | null })[];
};

async function plan(cloud: CloudClient, host: string, { home, json }: HaOptions): Promise<void> {
  const planned = await ask<HostPlan>(cloud, 'GET', `${host}/plan`);
  const { origin } = cloud;
  const homeDir = requireHome(home).dir;
  const { moves, stuck } = answered(await planRecovery({ homeDir, origin }, planned));
  if (stuck.length > 0) process.exitCode = 1;
  const targetOf = new Map(moves.map(({ server, host: target }) => [server.id, target]));
  const whyNowhere = new Map(stuck.map(({ server, why }) => [server.id, why]));
  const servers = planned.servers.map((server) => ({
    ...server,
    to: targetOf.get(server.id) ?? null,
    why: whyNowhere.get(server.id) ?? server.why,
  }));
  if (json) return printJson({ ...planned, servers } satisfies ShownPlan);
  print(`If ${host} died now: ${fencingWords[planned.fencing ?? 'none']}.`);
  print(
    planned.targets.length === 0
      ? 'No other host could take its servers.'
      : `Its servers would go to ${planned.targets.join(', ')}, in this order:`,
  );
  if (servers.length === 0) return print('  (it has none)');
  print(
    table(
      ['SERVER', 'NAME', 'PRIORITY', 'WHAT', 'TO', 'WHY'],
      servers.map(({ id, name, priority, action, to, why }) => [
        id,
        name,
        String(priority),
        action,
        action === 'ignored' ? '-' : (to ?? 'nowhere'),
        why,
      ]),
    ),
  );
}
