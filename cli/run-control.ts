// Runs the control plane in this process, in the foreground or, for a detached cloud, as the child
// of cli/supervise.sh.
import { existsSync, mkdirSync } from 'node:fs';
import { homePaths } from '#compose/home.ts';
import { version } from '#compose/version.ts';
import { isFault } from '#contracts/common/fault.ts';
import { systemClock } from '#platform/clock.ts';
import { ConfigError } from '#platform/config/config.ts';
import { takeLock } from '#platform/exclusive-lock.ts';
import { createLog, fileLines, readableLines } from '#platform/log.ts';
import type { LogLevel } from '#platform/log.ts';
import { logRejections } from '#platform/rejections.ts';
import { keepChoices } from './choices.ts';
import type { Choices } from './choices.ts';
import { forgetControl, recordSelf, recordSupervisor } from './control-process.ts';
import { finalExitCode } from './exit-codes.ts';
import { greeting } from './greeting.ts';
import { UserError } from './user-error.ts';

export interface ControlOptions extends Choices {
  dir: string;
  homeGiven: boolean;
  logLevel: LogLevel;
}

/** Messages of a supervised control plane to the command that starts it, over IPC. */
export type StartMessage =
  | { kind: 'step'; name: string; ms: number; failed?: string }
  | { kind: 'failed'; why: string }
  | { kind: 'ready'; origin: string; lateHosts: string[]; incomplete: boolean };

/** Environment variable that is set for the child of cli/supervise.sh. */
export const supervisedVariable = 'COBALT_SUPERVISED';
/**
 * Exit code of a start that succeeded in part, e.g. without guest images that could not be built.
 */
export const incompleteExitCode = 2;

export function printStep(name: string, ms: number, failed?: string): void {
  process.stdout.write(
    `  ${failed === undefined ? '✓' : '✗'} ${name.padEnd(44)} ${(ms / 1000).toFixed(1).padStart(6)} s\n`,
  );
  if (failed !== undefined) process.stdout.write(`    ${failed.replaceAll('\n', '\n    ')}\n`);
}

/**
 * Starts the cloud; resolves when it is up. It then runs until a signal. Throws a UserError if it
 * cannot start.
 */
export async function runControl(options: ControlOptions): Promise<void> {
  const { dir, port, hosts, simulated, acceleration, distributed, logLevel, homeGiven } = options;
  const home = homePaths(dir);
  const supervised = process.env[supervisedVariable] !== undefined;
  const sendToParent = (message: StartMessage): void => void process.send?.(message);
  const refuse = async (why: string, isFinal = true): Promise<never> => {
    if (isFinal) await forgetControl(home);
    sendToParent({ kind: 'failed', why });
    throw new UserError(why, supervised && isFinal ? finalExitCode : 1);
  };
  const isNew = !existsSync(home.databases);
  // The files of the state folder, including those of hosts and daemons, are readable only by their
  // owner.
  process.umask(0o077);
  mkdirSync(dir, { recursive: true });
  // The lock is taken before anything is written: another `up` may be in progress, and its files
  // must not be overwritten.
  if (!takeLock(home.lock)) {
    const why = `A cloud already runs in ${dir}, or is being started there. See ./cobalt status, or stop it with ./cobalt down.`;
    sendToParent({ kind: 'failed', why });
    throw new UserError(why, supervised ? finalExitCode : 1);
  }
  const log = createLog({
    level: logLevel,
    destination: readableLines(
      supervised ? fileLines(1) : (line) => process.stdout.write(line),
      process.stdout.isTTY,
    ),
  });
  logRejections(log);
  const facts = {
    port,
    localHosts: hosts,
    simulatedHosts: simulated,
    version,
    startedAt: new Date(systemClock.now()).toISOString(),
  };
  if (supervised) await recordSupervisor(home.supervisorPid);
  await recordSelf(home.controlPid, { ...facts, ready: false });
  let incomplete = false;
  const start = distributed
    ? (await import('#compose/distributed.ts')).startDistributed
    : (await import('#compose/embedded.ts')).startEmbedded;
  const cloud = await start({
    homeDir: dir,
    port,
    localHosts: hosts,
    simulatedHosts: simulated,
    acceleration,
    log,
    env: process.env,
    onStep: (name, ms, failed) => {
      incomplete ||= failed !== undefined;
      if (process.send)
        sendToParent({ kind: 'step', name, ms, ...(failed === undefined ? {} : { failed }) });
      else if (!supervised) printStep(name, ms, failed);
    },
  }).catch(
    async (error: unknown) =>
      await refuse(
        error instanceof ConfigError ? error.message : await Promise.reject(error as Error),
      ),
  );
  if (isFault(cloud)) return await refuse(cloud.message, cloud.kind !== 'storageFull');
  await keepChoices(home.choices, options);
  await recordSelf(home.controlPid, { ...facts, ready: true });

  let stopping = false;
  const stop = async (): Promise<void> => {
    if (stopping) process.exit(1); // a second Ctrl-C ends it at once
    stopping = true;
    log.info({}, 'stopping; VMs run on');
    await cloud.stop();
    await forgetControl(home);
    process.exit(0);
  };
  process.on('SIGINT', () => void stop());
  process.on('SIGTERM', () => void stop());
  // Tells the supervisor to restart this process from now on when it dies.
  if (supervised) process.kill(process.ppid, 'SIGUSR1');
  sendToParent({ kind: 'ready', origin: cloud.origin, lateHosts: cloud.lateHosts, incomplete });
  if (process.send) process.disconnect();
  else if (!supervised)
    process.stdout.write(
      greeting({
        dir,
        origin: cloud.origin,
        lateHosts: cloud.lateHosts,
        homeGiven,
        realHosts: hosts > 0,
        isNew,
      }),
    );
}
