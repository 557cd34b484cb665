// The state of an init (of a host, the filer or OVN's central daemons), and how it is ended
// together with everything that it started.
import { rm } from 'node:fs/promises';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Outcome } from '#contracts/common/fault.ts';
import type { Clock } from '#platform/clock.ts';
import type { Log } from '#platform/log.ts';
import type { InitPaths } from './host-paths.ts';
import { findInit, isReady, killInit } from './init-process.ts';
import { deleteNetns, netnsPids } from './netns.ts';

export interface InitDeps {
  clock: Clock;
  log: Log;
}

const powerOffTimeoutMs = 10_000;

/** State and pid of the init; `starting`: it runs, but has not reported ready. */
export async function initState(
  init: InitPaths,
): Promise<{ state: 'off' | 'starting' | 'running'; pid: number | null }> {
  const running = await findInit(init.pidFile);
  if (!running) return { state: 'off', pid: null };
  return {
    state: (await isReady(running, init.readyFile)) ? 'running' : 'starting',
    pid: running.pid,
  };
}

/**
 * Kills the init, and also every other process in its network namespace, in case the init's folder
 * with its pid file was deleted while it ran.
 */
export async function cutPower(paths: InitPaths, { clock, log }: InitDeps): Promise<Outcome<void>> {
  const init = await findInit(paths.pidFile);
  if (init && !(await killInit(init, clock, powerOffTimeoutMs))) {
    return fault(
      'timeout',
      `${paths.name} (PID ${init.pid}) does not die; see: ps -o pid,stat,wchan,args -p ${init.pid}`,
    );
  }
  const deadline = clock.now() + powerOffTimeoutMs;
  for (
    let pids = await netnsPids(paths.netns);
    pids.length > 0;
    pids = await netnsPids(paths.netns)
  ) {
    if (clock.now() >= deadline)
      return fault('timeout', `processes ${pids.join(', ')} of ${paths.name} do not die`);
    for (const pid of pids) killQuietly(pid);
    await clock.sleep(10);
  }
  if (init) log.info({ host: paths.name, pid: init.pid }, 'host is off');
}

/** Kills the init, then removes namespace and folder. */
export async function removeInit(paths: InitPaths, deps: InitDeps): Promise<Outcome<void>> {
  const off = await cutPower(paths, deps);
  if (isFault(off)) return off;
  await deleteNetns(paths.netns);
  await rm(paths.dir, { recursive: true, force: true });
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // the process has ended already
  }
}
