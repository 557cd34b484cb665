// Which process is a host's PID 1, is it alive, and how it dies. Identity is boot id + PID + start
// time: a reused PID is never ours.
import { readFile } from 'node:fs/promises';
import type { Clock } from '#platform/clock.ts';
import { startTimeOf } from '#platform/process-start-time.ts';

export interface InitProcess {
  pid: number;
  startTime: string;
}

async function readOr(path: string, otherwise: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch {
    return otherwise; // gone, or never there: both mean what `otherwise` says
  }
}

export async function bootId(): Promise<string> {
  return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
}

/** The living init that `pidFile` names, or null. */
export async function findInit(pidFile: string): Promise<InitProcess | null> {
  const [boot, pid, startTime] = (await readOr(pidFile, '')).trim().split(' ');
  if (!pid || !startTime || boot !== (await bootId())) return null;
  return (await startTimeOf(Number(pid))) === startTime ? { pid: Number(pid), startTime } : null;
}

export async function isAlive(init: InitProcess): Promise<boolean> {
  return (await startTimeOf(init.pid)) === init.startTime;
}

/** True when the host of this very init has reported ready. */
export async function isReady(init: InitProcess, readyFile: string): Promise<boolean> {
  return (await readOr(readyFile, '')).trim() === `${init.pid} ${init.startTime}`;
}

/**
 * SIGKILL and wait: when PID 1 of a PID namespace is gone, so is every process in it. False: still
 * there after `timeoutMs`.
 */
export async function killInit(
  init: InitProcess,
  clock: Clock,
  timeoutMs: number,
): Promise<boolean> {
  const deadline = clock.now() + timeoutMs;
  while (await isAlive(init)) {
    try {
      process.kill(init.pid, 'SIGKILL');
    } catch {
      // gone between the look and the shot
    }
    if (clock.now() >= deadline) return false;
    await clock.sleep(10);
  }
  return true;
}
