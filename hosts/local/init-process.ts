// Finds a host's PID 1, checks that it is alive, and kills it. It is identified by boot id, PID and
// start time, so that a reused PID never matches.
import { readFile } from 'node:fs/promises';
import type { Clock } from '#platform/clock.ts';
import { markedProcess, startTimeOf } from '#platform/process-start-time.ts';

export interface InitProcess {
  pid: number;
  startTime: string;
}

async function readOr(path: string, otherwise: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch {
    return otherwise; // the file does not exist (any more)
  }
}

/** The running init that `pidFile` names, or null. */
export const findInit = async (pidFile: string): Promise<InitProcess | null> =>
  await markedProcess(await readOr(pidFile, ''));

export async function isAlive(init: InitProcess): Promise<boolean> {
  return (await startTimeOf(init.pid)) === init.startTime;
}

/** Whether the host of this init has reported ready. */
export async function isReady(init: InitProcess, readyFile: string): Promise<boolean> {
  return (await readOr(readyFile, '')).trim() === `${init.pid} ${init.startTime}`;
}

/**
 * Sends SIGKILL and waits: when PID 1 of a PID namespace ends, the kernel kills every process in
 * it. Returns false if it has not ended within `timeoutMs`.
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
      // the process ended between the check and the signal
    }
    if (clock.now() >= deadline) return false;
    await clock.sleep(10);
  }
  return true;
}
