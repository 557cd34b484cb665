// `cobalt host`: adds, removes, starts, stops and lists local hypervisor hosts, for maintenance and
// to try out the failure of a host.
import type { Command } from 'commander';
import type { Home } from '#compose/home.ts';
import { hostLock } from '#compose/home.ts';
import { shutDownGuests } from '#compose/shut-down-guests.ts';
import { isFault } from '#contracts/common/fault.ts';
import type { Outcome } from '#contracts/common/fault.ts';
import type { LocalHost, LocalHosts } from '#hosts/local/local-hosts.ts';
import { createLocalHosts } from '#hosts/local/local-hosts.ts';
import { systemClock } from '#platform/clock.ts';
import { takeLock } from '#platform/exclusive-lock.ts';
import { silentLog } from '#platform/log.ts';
import type { AddOptions } from '../add-host.ts';
import { addHost } from '../add-host.ts';
import { findControl } from '../control-process.ts';
import { pauseHa, resumeHa } from '../pause-ha.ts';
import type { RemoveOptions } from '../remove-host.ts';
import { removeHost } from '../remove-host.ts';
import { runningCloud } from '../running-cloud.ts';
import { homeOption, requireHome } from '../state-folder.ts';
import { table } from '../table.ts';
import { UserError } from '../user-error.ts';

interface HostOptions {
  home?: string;
  now?: true;
}

/** How long guests may take to shut down, and a host with its agents to start or to stop. */
const [guestsTimeoutMs, hostTimeoutMs, pollEveryMs] = [30_000, 60_000, 250];

export function define(command: Command): void {
  command.addHelpText(
    'after',
    '\nA stopped host stays off, also over `down` and `up`, until it is started. A host that dies by itself is started again by itself.\n\nExamples:\n  ./cobalt host list\n  ./cobalt host stop h2\n  ./cobalt host start h2\n  ./cobalt host add\n  ./cobalt host remove h3 --evict',
  );
  command
    .command('list')
    .description('The hosts and whether they run.')
    .option(...homeOption)
    .option('--json', 'as JSON')
    .action(
      async (options: HostOptions & { json?: true }) =>
        await list(requireHome(options.home), options.json ?? false),
    );
  command
    .command('add [name]')
    .description('One more host for the running cloud: powered on, tested, and put to use.')
    .option(...homeOption)
    .option('--simulated', 'a simulated one, also where the others are real')
    .option('--skip-tests', 'put to use without a machine that tests it')
    .option('--no-wait', 'return at once; kubectl get hv shows how far it is')
    .action(
      async (name: string | undefined, options: HostOptions & AddOptions) =>
        await addHost(requireHome(options.home), name, options),
    );
  command
    .command('remove <name>')
    .description('Take it out of the running cloud for good: power off, files deleted.')
    .option(...homeOption)
    .option('--evict', 'move its servers to other hosts first')
    .action(
      async (name: string, options: HostOptions & RemoveOptions) =>
        await removeHost(requireHome(options.home), name, options),
    );
  command
    .command('stop <name>')
    .description('Shut its guests down and power it off; it stays off.')
    .option(...homeOption)
    .option('--now', 'cut the power at once')
    .action(
      async (name: string, options: HostOptions) =>
        await alone(options, name, async (home) => await stop(home, name, options.now ?? false)),
    );
  command
    .command('start <name>')
    .description('Let it run again, with the guests that ran on it.')
    .option(...homeOption)
    .action(
      async (name: string, options: HostOptions) =>
        await alone(options, name, async (home) => await start(home, name)),
    );
  command
    .command('restart <name>')
    .description('Stop and start.')
    .option(...homeOption)
    .option('--now', 'cut the power at once')
    .action(
      async (name: string, options: HostOptions) =>
        await alone(options, name, async (home) => {
          await stop(home, name, options.now ?? false);
          await start(home, name);
        }),
    );
}

const openHosts = (home: Home): LocalHosts =>
  createLocalHosts({ stateDir: home.dir, log: silentLog, clock: systemClock, kvm: false });

export const hostState = (host: LocalHost): string =>
  host.heldOff ? (host.state === 'off' ? 'stopped' : 'stopping') : host.state;

/**
 * Runs one command at a time for each host: a start during a stop would report that the host is up,
 * and the stop would then cut its power.
 */
async function alone(
  options: HostOptions,
  name: string,
  work: (home: Home) => Promise<void>,
): Promise<void> {
  const home = requireHome(options.home);
  await existingHost(openHosts(home), name); // fails here if there is no such host
  const lock = takeLock(hostLock(home, name));
  if (!lock)
    throw new UserError(
      `Another command starts or stops host ${name} just now. Try again when it has ended.`,
    );
  try {
    await work(home);
  } finally {
    lock.release();
  }
}

async function list(home: Home, json: boolean): Promise<void> {
  const hosts = await openHosts(home).list();
  if (json)
    process.stdout.write(
      `${JSON.stringify(
        hosts.map((host) => ({ name: host.name, state: hostState(host), pid: host.initPid })),
        null,
        2,
      )}\n`,
    );
  else if (hosts.length === 0)
    process.stdout.write(
      'No hosts on this machine. `./cobalt up --hosts 2` makes two; simulated ones are listed by ./cobalt status.\n',
    );
  else
    process.stdout.write(
      `${table(
        ['HOST', 'STATE', 'INIT'],
        hosts.map((host) => [
          host.name,
          hostState(host),
          host.initPid === null ? '-' : String(host.initPid),
        ]),
      )}\n`,
    );
}

async function stop(home: Home, name: string, now: boolean): Promise<void> {
  const hosts = openHosts(home);
  const before = await existingHost(hosts, name);
  if (before.state !== 'off' && (await pauseHa(home, name)))
    process.stdout.write(`  ✓ HA is off for ${name} until: ./cobalt host start ${name}\n`);
  orUserError(await hosts.holdOff(name));
  if (before.state === 'off')
    return void process.stdout.write(`  ✓ host ${name} is off and stays off\n`);
  if (!now && before.state === 'running') {
    // The host's agents must have ended first: they would report to Nova that the guests shut
    // themselves down.
    await serviceIs(home, name, 'down');
    const count = await shutDownGuests(before, guestsTimeoutMs);
    if (count > 0)
      process.stdout.write(`  ✓ ${count} guest${count === 1 ? '' : 's'} of ${name} shut down\n`);
  }
  orUserError(await hosts.powerOff(name));
  process.stdout.write(
    `  ✓ host ${name} powered off; it stays off until: ./cobalt host start ${name}\n`,
  );
}

async function start(home: Home, name: string): Promise<void> {
  const hosts = openHosts(home);
  await existingHost(hosts, name);
  orUserError(await hosts.release(name));
  if (!(await findControl(home.controlPid)))
    return void process.stdout.write(`  ✓ host ${name} will run with the next ./cobalt up\n`);
  await serviceIs(home, name, 'up');
  process.stdout.write(`  ✓ host ${name} is up\n`);
  if (await resumeHa(home, name)) process.stdout.write(`  ✓ HA is on for ${name}\n`);
}

async function existingHost(hosts: LocalHosts, name: string): Promise<LocalHost> {
  const host = orUserError(await hosts.state(name));
  if (host.state !== 'absent') return host;
  const names = (await hosts.list()).map((each) => each.name);
  throw new UserError(
    `There is no host ${name} here. ${names.length === 0 ? 'This cloud has none on this machine.' : `There are: ${names.join(', ')}.`}`,
  );
}

function orUserError<T>(outcome: Outcome<T>): T {
  if (isFault(outcome)) throw new UserError(outcome.message);
  return outcome;
}

/**
 * Waits until Nova reports this state of the host's compute service; returns at once if no control
 * plane runs.
 */
async function serviceIs(home: Home, name: string, wanted: 'up' | 'down'): Promise<void> {
  const deadline = systemClock.now() + hostTimeoutMs;
  for (;;) {
    const cloud = await runningCloud(home);
    if (!cloud) return;
    const { services } = await cloud.ask<{ services: { state: string }[] }>(
      'compute',
      'GET',
      `/v2.1/os-services?binary=nova-compute&host=${name}`,
    );
    if ((services[0]?.state ?? 'down') === wanted) return;
    if (systemClock.now() > deadline)
      throw new UserError(
        `Host ${name} is not ${wanted} after ${hostTimeoutMs / 1000} s; see ./cobalt status and ${home.controlLog}`,
      );
    await systemClock.sleep(pollEveryMs);
  }
}
