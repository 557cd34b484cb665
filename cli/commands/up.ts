// `cobalt up`: starts the cloud, in the foreground or (--detach) in a process of its own.
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import type { Command } from 'commander';
import { Option } from 'commander';
import { cloudConfigSchema } from '#compose/config.ts';
import { homeDir, homePaths } from '#compose/home.ts';
import type { AccelerationSetting } from '#hosts/local/probe-acceleration.ts';
import { loadConfig } from '#platform/config/config.ts';
import type { LogLevel } from '#platform/log.ts';
import { checkSystemd, installBootUnit, unitName } from '../boot-unit.ts';
import { defaultChoices, keepChoices, readChoices } from '../choices.ts';
import { endControl, findControl, findSupervisor } from '../control-process.ts';
import { checkPort } from '../port-holder.ts';
import { runControl, supervisedVariable } from '../run-control.ts';
import type { ControlOptions } from '../run-control.ts';
import { startControl } from '../start-control.ts';
import { homeOption, openFolder } from '../state-folder.ts';
import { UserError } from '../user-error.ts';
import { wholeNumber } from '../whole-number.ts';

interface UpOptions {
  detach?: true;
  hosts?: number;
  simulated?: number;
  port?: number;
  home?: string;
  reset?: true;
  boot?: true;
  distributed?: true;
  acceleration?: AccelerationSetting;
  logLevel: LogLevel;
}

export function define(command: Command): void {
  command
    .option('-d, --detach', 'run in the background and return when the cloud is up')
    .option(
      '--hosts <n>',
      'hypervisor hosts on this machine, in namespaces of their own (default: as the last time, at first 2)',
      wholeNumber(50),
    )
    .option(
      '--simulated <n>',
      'simulated hypervisor hosts (default: as the last time, at first 0)',
      wholeNumber(5000),
    )
    .option(
      '--port <n>',
      'port of all APIs on the loopback address (default: as the last time, at first 8780)',
      wholeNumber(65_535, 1),
    )
    .option(...homeOption)
    .addOption(
      new Option(
        '--acceleration <how>',
        'of guests on real hosts: auto (the faster, measured), kvm or tcg (default: as the last time, else the setting)',
      ).choices(['auto', 'kvm', 'tcg']),
    )
    .option(
      '--distributed',
      'each role in processes of its own, over MariaDB, RabbitMQ and HAProxy of this cloud (remembered; needs a fresh state folder)',
    )
    .option(
      '--boot',
      'start it now and whenever the machine starts: installs a systemd unit, which `down --purge` removes',
    )
    .option('--reset', 'begin anew: deletes everything in the state folder first')
    .addOption(
      new Option('--log-level <level>', 'how much is logged')
        .choices(['debug', 'info', 'warn', 'error', 'silent'])
        .default('info'),
    )
    .option('-y, --yes', 'install missing Debian packages without asking')
    .addHelpText(
      'after',
      '\nThe choices are remembered by the state folder. Exit code: 0 the cloud is up, 1 it is not, 2 it is, but a step failed (marked ✗).\n\nExamples:\n  ./cobalt up --detach                     two real hosts, in the background\n  ./cobalt up --hosts 1                    one host, in the foreground; Ctrl-C stops the control plane, VMs run on\n  ./cobalt up --hosts 0 --simulated 100    a cloud of 100 simulated hosts, no root needed',
    )
    .action(async (options: UpOptions) => {
      const dir = homeDir(options.home, process.env);
      if (options.boot) checkSystemd();
      const control = await optionsFor(dir, options);
      const present = await alreadyAsWanted(control, options);
      if (present)
        return void process.stdout.write(
          `  ✓ the cloud in ${dir} runs already (process ${present.pid}, http://127.0.0.1:${present.port}). See ./cobalt status\n`,
        );
      if (process.env[supervisedVariable] === undefined)
        await prepare(control, options.reset === true);
      if (options.boot) {
        await keepChoices(homePaths(dir).choices, control);
        await installBootUnit(dir, (text) => void process.stdout.write(text));
        process.stdout.write(
          `  ✓ ${unitName(dir)} runs; see ./cobalt status and journalctl -u ${unitName(dir)}\n`,
        );
      } else await (options.detach ? startControl(control) : runControl(control));
    });
}

async function optionsFor(
  dir: string,
  { hosts, simulated, port, acceleration, distributed, home, logLevel, reset }: UpOptions,
): Promise<ControlOptions> {
  const remembered = reset ? defaultChoices : await readChoices(homePaths(dir).choices);
  if (distributed && !remembered.distributed && !reset && existsSync(homePaths(dir).choices))
    throw new UserError(
      `The cloud in ${dir} runs as one process, and its databases stay SQLite files. Give --distributed a state folder of its own with --home, or begin anew with --reset.`,
    );
  return {
    ...remembered,
    ...(hosts !== undefined && { hosts }),
    ...(simulated !== undefined && { simulated }),
    ...(port !== undefined && { port }),
    ...(acceleration !== undefined && { acceleration }),
    ...(distributed && { distributed }),
    dir,
    homeGiven: home !== undefined,
    logLevel,
  };
}

/**
 * The running control plane, if this is a detached `up` with the same options, so that the command
 * can be repeated; else undefined.
 */
async function alreadyAsWanted(
  { dir, port, hosts, simulated, acceleration }: ControlOptions,
  { detach, reset, boot }: UpOptions,
): Promise<{ pid: number; port: number } | undefined> {
  if (!detach || reset || boot) return undefined;
  const home = openFolder(dir);
  const running = home && (await findControl(home.controlPid));
  if (!home || !running) return undefined;
  const last = await readChoices(home.choices);
  return running.port === port &&
    last.hosts === hosts &&
    last.simulated === simulated &&
    last.acceleration === acceleration
    ? running
    : undefined;
}

/** Makes all checks that can fail before anything is started. */
async function prepare({ dir, hosts, port }: ControlOptions, reset: boolean): Promise<void> {
  if (hosts > 0 && process.getuid?.() !== 0) {
    throw new UserError(
      'Hypervisor hosts need root (network and mount namespaces). Run it with sudo, or try --hosts 0 --simulated 3.',
    );
  }
  const home = openFolder(dir);
  if (home) {
    const running = await findControl(home.controlPid);
    if (running && !reset)
      throw new UserError(
        `A cloud already runs in ${dir} (process ${running.pid}, port ${running.port}). See ./cobalt status, or stop it with ./cobalt down.`,
      );
    if (!running && !reset && (await findSupervisor(home.supervisorPid)))
      throw new UserError(
        `A cloud in ${dir} is being started again after its control plane died. See ./cobalt status, or stop it with ./cobalt down.`,
      );
    if (reset) await deleteState(dir, hosts);
  }
  const { api } = await loadConfig(cloudConfigSchema, {
    file: homePaths(dir).configFile,
    env: process.env,
    prefix: 'COBALT',
  });
  await checkPort(api.host, port);
}

async function deleteState(dir: string, hosts: number): Promise<void> {
  const { purge } = await import('./down.ts');
  await endControl(homePaths(dir), 30_000);
  await purge(dir, hosts > 0 || process.getuid?.() === 0);
  await rm(dir, { recursive: true, force: true });
}
