// Starts an init (a host's, the filer's, OVN's) in its own namespaces, detached, and waits until it
// reports ready.
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
   * Absolute path and arguments of the script; undefined: it runs already, started by another
   * process, so only wait.
   */
  script: readonly string[] | undefined;
  /** The command that runs the init and may end it, outside of its namespaces. */
  below?: readonly string[];
  clock: Clock;
}

/** unavailable: the init ended; timeout. Both with the end of its log. */
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
 * Detached, in its own session and without inherited files: it outlives this process. Returns a
 * function that tells how it ended.
 */
async function spawnInit(
  init: InitPaths,
  script: readonly string[],
  below: readonly string[],
): Promise<() => string | null> {
  const logFile = await open(init.logFile, 'w');
  const namespaces = ['--mount', '--uts', '--ipc', '--pid', '--propagation', 'private'];
  // It ends with the process that waits for it: that may be ended in its place.
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
