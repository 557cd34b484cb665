// `cobalt up`: starts the cloud, in the foreground or (--detach) in a process of its own.
import type { Command } from 'commander';
import { InvalidArgumentError, Option } from 'commander';
import { spawn } from 'node:child_process';
import { mkdirSync, openSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { isFault } from '#contracts/common/fault.ts';
import { ConfigError } from '#platform/config/config.ts';
import { createLog, readableLines } from '#platform/log.ts';
import type { LogLevel } from '#platform/log.ts';
import { startEmbedded, version } from '#compose/embedded.ts';
import { homeDir, homePaths } from '#compose/home.ts';
import type { AccelerationSetting } from '#hosts/local/probe-acceleration.ts';
import { endControl, findControl, forgetControl, recordSelf } from '../control-process.ts';
import { UserError } from '../user-error.ts';

interface UpOptions {
  detach?: true;
  hosts: number;
  simulated: number;
  port: number;
  home?: string;
  reset?: true;
  acceleration?: AccelerationSetting;
  logLevel: LogLevel;
}

const wholeNumber = (max: number) => (text: string): number => {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value > max) throw new InvalidArgumentError(`It must be a whole number from 0 to ${max}.`);
  return value;
};

export function define(command: Command): void {
  command
    .option('-d, --detach', 'run in the background and return when the cloud is up')
    .option('--hosts <n>', 'hypervisor hosts on this machine, in namespaces of their own', wholeNumber(50), 2)
    .option('--simulated <n>', 'simulated hypervisor hosts', wholeNumber(5000), 0)
    .option('--port <n>', 'port of all APIs on the loopback address', wholeNumber(65_535), 8780)
    .option('--home <dir>', 'state folder (default: $COBALT_HOME, /var/lib/cobaltcore as root, else below ~/.local/state)')
    .addOption(new Option('--acceleration <how>', 'of guests on real hosts: auto (the faster, measured), kvm or tcg (default: the setting, else auto)').choices(['auto', 'kvm', 'tcg']))
    .option('--reset', 'begin anew: deletes everything in the state folder first')
    .option('--log-level <level>', 'debug, info, warn, error or silent', 'info')
    .addHelpText('after', '\nExamples:\n  ./cobalt up --detach                     two real hosts, in the background\n  ./cobalt up --hosts 1                    one host, in the foreground; Ctrl-C stops the control plane, VMs run on\n  ./cobalt up --hosts 0 --simulated 100    a cloud of 100 simulated hosts, no root needed')
    .action(async (options: UpOptions) => await (options.detach ? detach(options) : runHere(options)));
}

function step(name: string, ms: number): void {
  process.stdout.write(`  ✓ ${name.padEnd(44)} ${(ms / 1000).toFixed(1).padStart(6)} s\n`);
}

async function refuseSecond(options: UpOptions): Promise<void> {
  const dir = homeDir(options.home, process.env);
  if (options.hosts > 0 && process.getuid?.() !== 0) throw new UserError('Hypervisor hosts need root (network and mount namespaces). Run it with sudo, or try --hosts 0 --simulated 3.');
  const running = await findControl(homePaths(dir).controlPid);
  if (running && !options.reset) throw new UserError(`A cloud already runs in ${dir} (process ${running.pid}, port ${running.port}). See ./cobalt status, or stop it with ./cobalt down.`);
}

async function runHere(options: UpOptions): Promise<void> {
  const dir = homeDir(options.home, process.env);
  const home = homePaths(dir);
  // Our parent (see `detach`) hears of each step; a person sees them.
  const tell = (message: object): void => void process.send?.(message);
  const detached = process.send !== undefined;
  await refuseSecond(options);
  if (options.reset) await reset(dir, options.hosts);
  const log = createLog({ level: options.logLevel, destination: readableLines((line) => process.stdout.write(line), process.stdout.isTTY === true) });
  const facts = { port: options.port, localHosts: options.hosts, simulatedHosts: options.simulated, version, startedAt: new Date().toISOString() };
  mkdirSync(dir, { recursive: true });
  await recordSelf(home.controlPid, { ...facts, ready: false });
  const cloud = await startEmbedded({
    homeDir: dir, port: options.port, localHosts: options.hosts, simulatedHosts: options.simulated, acceleration: options.acceleration, log, env: process.env,
    onStep: (name, ms) => (detached ? tell({ step: name, ms }) : step(name, ms)),
  }).catch(async (error: unknown) => {
    if (!(error instanceof ConfigError)) throw error;
    await forgetControl(home.controlPid);
    tell({ failed: error.message });
    throw new UserError(error.message);
  });
  if (isFault(cloud)) {
    await forgetControl(home.controlPid);
    tell({ failed: cloud.message });
    throw new UserError(cloud.message);
  }
  await recordSelf(home.controlPid, { ...facts, ready: true });

  let stopping = false;
  const stop = async (): Promise<void> => {
    if (stopping) process.exit(1); // a second Ctrl-C does not wait
    stopping = true;
    log.info({}, 'stopping; VMs run on');
    await cloud.stop();
    await forgetControl(home.controlPid);
    process.exit(0);
  };
  process.on('SIGINT', () => void stop());
  process.on('SIGTERM', () => void stop());
  if (detached) {
    tell({ ready: { origin: cloud.origin, lateHosts: cloud.lateHosts } });
    process.disconnect?.();
  } else greet(dir, cloud.origin, cloud.lateHosts, options.home !== undefined, options.hosts > 0);
}

/** `reachable`: guests are real and answer this machine. */
function greet(dir: string, origin: string, lateHosts: string[], homeGiven: boolean, reachable: boolean): void {
  const home = homeGiven ? ` --home ${dir}` : '';
  if (lateHosts.length > 0) process.stdout.write(`\n  Not up yet: ${lateHosts.join(', ')} (still trying; ./cobalt status${home} tells)\n`);
  const user = reachable ? ' --user demo' : '';
  const example = reachable ? [
    'openstack keypair create mine > mine.key; chmod 600 mine.key',
    'openstack server create --image tiny --flavor m1.nano --network demo --key-name mine --wait vm1',
    'address=$(openstack floating ip create public -f value -c floating_ip_address)',
    'openstack server add floating ip vm1 $address',
    'ssh -i mine.key root@$address',
  ] : ['openstack server create --image tiny --flavor m1.nano --nic none --wait vm1', 'openstack server list --long'];
  process.stdout.write(
    `\nThe cloud answers at ${origin}. Load credentials into this shell with\n\n  source <(./cobalt openrc${user}${home})\n\nand try\n\n` +
    `${example.map((line) => `  ${line}\n`).join('')}\nState lies in ${dir}; stop it with ./cobalt down${home}.\n`,
  );
}

async function detach(options: UpOptions): Promise<void> {
  await refuseSecond(options);
  const dir = homeDir(options.home, process.env);
  if (options.reset) await reset(dir, options.hosts);
  mkdirSync(dir, { recursive: true });
  const logFile = homePaths(dir).controlLog;
  const out = openSync(logFile, 'a');
  const startedAt = performance.now();
  const args = process.argv.slice(1).filter((word) => word !== '--detach' && word !== '-d' && word !== '--reset');
  const child = spawn(process.execPath, [...process.execArgv, ...args], { detached: true, stdio: ['ignore', out, out, 'ipc'] });
  const failure = await new Promise<string | undefined>((resolve) => {
    child.on('message', (message: { step?: string; ms?: number; failed?: string; ready?: { origin: string; lateHosts: string[] } }) => {
      if (message.step !== undefined) step(message.step, message.ms ?? 0);
      if (message.failed !== undefined) resolve(message.failed);
      if (message.ready) {
        process.stdout.write(`  up in ${((performance.now() - startedAt) / 1000).toFixed(1)} s\n`);
        greet(dir, message.ready.origin, message.ready.lateHosts, options.home !== undefined, options.hosts > 0);
        resolve(undefined);
      }
    });
    child.on('exit', (code) => resolve(`The control plane ended with code ${code}. Its log: ${logFile}`));
    child.on('error', (error) => resolve(`The control plane cannot be started: ${error.message}`));
  });
  if (child.connected) child.disconnect();
  child.unref();
  if (failure !== undefined) throw new UserError(failure);
}

async function reset(dir: string, hosts: number): Promise<void> {
  const { purge } = await import('./down.ts');
  const running = await findControl(homePaths(dir).controlPid);
  if (running) await endControl(running, 30_000);
  await purge(dir, hosts > 0 || process.getuid?.() === 0);
  await rm(dir, { recursive: true, force: true });
}
