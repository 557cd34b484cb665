// `cobalt down`: ends the control plane and powers off the hosts; --purge deletes the state folder,
// too. Also cleans up what a killed run left.
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import type { Command } from 'commander';
import { homeDir } from '#compose/home.ts';
import { shutDownGuests } from '#compose/shut-down-guests.ts';
import { isFault } from '#contracts/common/fault.ts';
import { systemClock } from '#platform/clock.ts';
import { silentLog } from '#platform/log.ts';
import { removeBootUnit } from '../boot-unit.ts';
import { endControl, forgetControl } from '../control-process.ts';
import { findHome, homeOption } from '../state-folder.ts';
import { UserError } from '../user-error.ts';

/**
 * How long the control plane may take to end before it is killed: longer than a distributed cloud
 * takes to stop: at most 45 s for roles, then 30 s for daemons.
 */
const patienceMs = 90_000;
/** How long guests may take to shut down before the power of their host is cut. */
const guestsTimeoutMs = 30_000;

export function define(command: Command): void {
  command
    .option(...homeOption)
    .option(
      '--now',
      `cut the power at once; else guests have ${guestsTimeoutMs / 1000} s to shut down`,
    )
    .option(
      '--purge',
      'also delete the state folder: databases, images, disks, everything (with --now)',
    )
    .addHelpText(
      'after',
      '\nVMs end with their hosts; the next `up` starts them again. To stop the control plane alone and let VMs run on,\nend `./cobalt up` with Ctrl-C.\n\nExamples:\n  ./cobalt down\n  ./cobalt down --purge',
    )
    .action(async (options: { home?: string; purge?: true; now?: true }) => {
      const home = findHome(options.home);
      if (!home) {
        process.stdout.write(
          `Nothing to stop: there is no state folder ${homeDir(undefined, process.env)}.\n`,
        );
        return;
      }
      const { dir } = home;
      if (await endControl(home, patienceMs)) process.stdout.write('  ✓ control plane stopped\n');
      await forgetControl(home); // left behind if the control plane was killed
      if (options.purge) {
        if (await removeBootUnit(dir)) process.stdout.write('  ✓ systemd unit removed\n');
        await purge(dir, process.getuid?.() === 0);
        await rm(dir, { recursive: true, force: true });
        process.stdout.write(`  ✓ ${dir} deleted\n`);
      } else {
        for (const name of await powerOff(dir, options.now ?? false))
          process.stdout.write(`  ✓ ${name} powered off\n`);
      }
    });
}

async function openHosts(dir: string) {
  const { createLocalHosts } = await import('#hosts/local/local-hosts.ts');
  const { createLocalFiler } = await import('#hosts/local/local-filer.ts');
  const { createLocalNetwork } = await import('#hosts/local/local-network.ts');
  const deps = { stateDir: dir, log: silentLog, clock: systemClock };
  return {
    hosts: createLocalHosts({ ...deps, kvm: false }),
    filer: createLocalFiler(deps),
    network: createLocalNetwork(deps),
  };
}

async function powerOff(dir: string, now: boolean): Promise<string[]> {
  if (process.getuid?.() !== 0) return [];
  const { hosts, filer, network } = await openHosts(dir);
  const names: string[] = [];
  const running = (await hosts.list()).filter(
    ({ state }) => state === 'running' || state === 'starting',
  );
  if (!now) {
    const guests = await Promise.all(
      running.map(async (host) => await shutDownGuests(host, guestsTimeoutMs)),
    );
    const count = guests.reduce((sum, each) => sum + each, 0);
    if (count > 0) process.stdout.write(`  ✓ ${count} guest${count === 1 ? '' : 's'} shut down\n`);
  }
  for (const host of running) {
    const off = await hosts.powerOff(host.name);
    if (isFault(off)) throw new UserError(off.message);
    names.push(`host ${host.name}`);
  }
  for (const [name, part] of [
    ['filer', filer],
    ['network', network],
  ] as const) {
    if (await part.running()) names.push(name);
    const off = await part.stop(); // works also for what a killed run left
    if (isFault(off)) throw new UserError(off.message);
  }
  return names;
}

/** Removes hosts, filer and network with their namespaces, disks and folders. */
export async function purge(dir: string, asRoot: boolean): Promise<void> {
  if (!asRoot || !existsSync(dir)) return;
  const { hosts, filer, network } = await openHosts(dir);
  for (const removal of [await hosts.removeAll(), await filer.remove(), await network.remove()])
    if (isFault(removal)) throw new UserError(removal.message);
}
