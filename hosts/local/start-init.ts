// Starts an init (of a host, the filer or OVN's daemons) in its own namespaces, detached, and waits
// until it reports ready.
import { spawn } from 'node:child_process';
import { open, readFile } from 'node:fs/promises';
import { fault } from '#contracts/common/fault.ts';
import type { Outcome } from '#contracts/common/fault.ts';
import type { Clock } from '#platform/clock.ts';
import type { InitPaths } from './host-paths.ts';
import { findInit, isReady } from './init-process.ts';

const readyTimeoutMs = 20_000;

export interface InitStart {
  /**
   * The script's absolute path and arguments; undefined: another process has started it, so only
   * wait.
   */
  script: readonly string[] | undefined;
  /** A command that runs the init from outside its namespaces and may kill it (the watchdog). */
  below?: readonly string[];
  clock: Clock;
}

/**
 * Starts the init and waits until it is ready. unavailable: the init ended; timeout. Both with the
 * end of its log.
 */
export async function startInit(
  init: InitPaths,
  { script, below = [], clock }: InitStart,
): Promise<Outcome<void>> {
  const howItEnded = script ? await spawnInit(init, script, below) : () => null;
  const deadline = clock.now() + readyTimeoutMs;
  for (;;) {
    const running = await findInit(init.pidFile);
    if (running && (await isReady(running, init.readyFile))) return;
    const end = howItEnded();
    if (end !== null)
      return fault(
        'unavailable',
        `${init.name} did not start (${end}); the end of ${init.logFile}:\n${await tail(init.logFile)}`,
      );
    if (clock.now() >= deadline)
      return fault(
        'timeout',
        `${init.name} is not ready after ${readyTimeoutMs / 1000} s; the end of ${init.logFile}:\n${await tail(init.logFile)}`,
      );
    await clock.sleep(10);
  }
}

/**
 * Starts the init detached, in its own session and without inherited file descriptors, so that it
 * outlives this process. Returns a function that tells how it ended.
 */
async function spawnInit(
  init: InitPaths,
  script: readonly string[],
  below: readonly string[],
): Promise<() => string | null> {
  const logFile = await open(init.logFile, 'w');
  const namespaces = ['--mount', '--uts', '--ipc', '--pid', '--propagation', 'private'];
  // `--kill-child`: killing unshare, which waits for the init, also kills the init; the watchdog
  // relies on it.
  const life = ['--fork', '--kill-child=KILL'];
  const child = spawn(
    'ip',
    [
      'netns',
      'exec',
      init.netns,
      ...below,
      'unshare',
      ...namespaces,
      ...life,
      '/bin/sh',
      ...script,
    ],
    {
      cwd: '/',
      detached: true,
      stdio: ['ignore', logFile.fd, logFile.fd],
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8' },
    },
  );
  let end: string | null = null;
  child.on('error', (cause) => (end = String(cause)));
  child.on('exit', (code, signal) => (end = signal ? `ended by ${signal}` : `exit code ${code}`));
  child.unref();
  await logFile.close();
  return () => end;
}

async function tail(path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch(() => '');
  return text.trimEnd().split('\n').slice(-10).join('\n') || '(empty)';
}
