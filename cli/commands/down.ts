// `cobalt down`: ends the control plane, powers off the hosts; --purge deletes the state folder too. Mends what a killed run left.
import type { Command } from 'commander';
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { isFault } from '#contracts/common/fault.ts';
import { systemClock } from '#platform/clock.ts';
import { silentLog } from '#platform/log.ts';
import { homeDir, homePaths } from '#compose/home.ts';
import { endControl, findControl, forgetControl } from '../control-process.ts';
import { UserError } from '../user-error.ts';

const patienceMs = 30_000;

export function define(command: Command): void {
  command
    .option('--home <dir>', 'state folder (default as in `up`)')
    .option('--purge', 'also delete the state folder: databases, images, disks, everything')
    .addHelpText('after', '\nVMs end with their hosts; the next `up` starts them again. To stop the control plane alone and let VMs run on,\nend `./cobalt up` with Ctrl-C.\n\nExamples:\n  ./cobalt down\n  ./cobalt down --purge')
    .action(async (options: { home?: string; purge?: true }) => {
      const dir = homeDir(options.home, process.env);
      if (!existsSync(dir)) {
        process.stdout.write(`Nothing to stop: there is no state folder ${dir}.\n`);
        return;
      }
      const home = homePaths(dir);
      const running = await findControl(home.controlPid);
      if (running) {
        await endControl(running, patienceMs);
        process.stdout.write('  ✓ control plane stopped\n');
      }
      await forgetControl(home.controlPid);
      if (options.purge) {
        await purge(dir, process.getuid?.() === 0);
        await rm(dir, { recursive: true, force: true });
        process.stdout.write(`  ✓ ${dir} deleted\n`);
      } else {
        for (const name of await powerOff(dir)) process.stdout.write(`  ✓ ${name} powered off\n`);
      }
    });
}

async function openHosts(dir: string) {
  const { createLocalHosts } = await import('#hosts/local/local-hosts.ts');
  const { createLocalFiler } = await import('#hosts/local/local-filer.ts');
  const { createLocalNetwork } = await import('#hosts/local/local-network.ts');
  const deps = { stateDir: dir, log: silentLog, clock: systemClock };
  return { hosts: createLocalHosts({ ...deps, kvm: false }), filer: createLocalFiler(deps), network: createLocalNetwork(deps) };
}

async function powerOff(dir: string): Promise<string[]> {
  if (process.getuid?.() !== 0) return [];
  const { hosts, filer, network } = await openHosts(dir);
  const names: string[] = [];
  for (const host of await hosts.list()) {
    if (host.state !== 'running' && host.state !== 'starting') continue;
    const off = await hosts.powerOff(host.name);
    if (isFault(off)) throw new UserError(off.message);
    names.push(`host ${host.name}`);
  }
  for (const [name, part] of [['filer', filer], ['network', network]] as const) {
    if (await part.running()) names.push(name);
    const off = await part.stop(); // also what a killed run left of it
    if (isFault(off)) throw new UserError(off.message);
  }
  return names;
}

/** Hosts and network with their namespaces, disks and folders. */
export async function purge(dir: string, asRoot: boolean): Promise<void> {
  if (!asRoot || !existsSync(dir)) return;
  const { hosts, filer, network } = await openHosts(dir);
  for (const removed of [await hosts.removeAll(), await filer.remove(), await network.remove()]) if (isFault(removed)) throw new UserError(removed.message);
}
