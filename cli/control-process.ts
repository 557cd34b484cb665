// The processes of a running cloud, control plane and supervisor: known by pid and start time, so
// that a reused pid is never taken for one.
import { readFile, rm } from 'node:fs/promises';
import type { Home } from '#compose/home.ts';
import { writeWhole } from '#compose/home.ts';
import { systemClock } from '#platform/clock.ts';
import { startTimeOf } from '#platform/process-start-time.ts';

interface ProcessRecord {
  pid: number;
  startTime: string;
}

export interface ControlProcess extends ProcessRecord {
  port: number;
  localHosts: number;
  simulatedHosts: number;
  version: string;
  startedAt: string;
  /** Set once everything is up. */
  ready: boolean;
}

export async function recordSelf(
  file: string,
  facts: Omit<ControlProcess, 'pid' | 'startTime'>,
): Promise<void> {
  await record(file, process.pid, facts);
}

/** Our parent, cli/supervise.sh. */
export async function recordSupervisor(file: string): Promise<void> {
  await record(file, process.ppid, {});
}

async function record(file: string, pid: number, facts: object): Promise<void> {
  await writeWhole(
    file,
    `${JSON.stringify({ pid, startTime: (await startTimeOf(pid)) ?? '', ...facts })}\n`,
  );
}

/**
 * The control plane that runs in this state folder; undefined: none, whatever an earlier one left
 * behind.
 */
export const findControl = async (file: string): Promise<ControlProcess | undefined> =>
  await find<ControlProcess>(file);

/**
 * The supervisor of a detached cloud: it may live while the control plane is dead, to start it
 * again.
 */
export const findSupervisor = async (file: string): Promise<ProcessRecord | undefined> =>
  await find<ProcessRecord>(file);

async function find<T extends ProcessRecord>(file: string): Promise<T | undefined> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  if (text === '') return undefined;
  let found: T;
  try {
    found = JSON.parse(text) as T; // written by `record`
  } catch {
    return undefined; // cut short by a crash: then its writer is gone as well
  }
  return found.startTime !== '' && (await isAlive(found)) ? found : undefined;
}

const isAlive = async ({ pid, startTime }: ProcessRecord): Promise<boolean> =>
  (await startTimeOf(pid)) === startTime;

const pollEveryMs = 20;

/**
 * Asks control plane and supervisor to end, insists after `patienceMs`. Resolves when both have
 * ended; false: nothing ran. Guests run on.
 */
export async function endControl(home: Home, patienceMs: number): Promise<boolean> {
  const [supervisor, control] = [
    await findSupervisor(home.supervisorPid),
    await findControl(home.controlPid),
  ];
  // The supervisor first: it hands the signal down, and must not start anew what ends.
  const processes = [supervisor, control].filter((found) => found !== undefined);
  const [first] = processes;
  if (!first) return false;
  // Once each: a second one tells the control plane not to wait for what it has in hand.
  const signalled = new Set([first]);
  send(first, 'SIGTERM');
  const deadline = systemClock.now() + patienceMs;
  for (;;) {
    const alive: ProcessRecord[] = [];
    for (const each of processes) if (await isAlive(each)) alive.push(each);
    if (alive.length === 0) break;
    // A control plane whose supervisor was killed hears nothing from it.
    for (const each of alive) {
      if (signalled.has(each) || alive.includes(first)) continue;
      signalled.add(each);
      send(each, 'SIGTERM');
    }
    if (systemClock.now() > deadline) for (const each of alive) send(each, 'SIGKILL');
    await systemClock.sleep(pollEveryMs);
  }
  await forgetControl(home);
  return true;
}

function send({ pid }: ProcessRecord, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // it ended between the look and the signal
  }
}

export async function forgetControl({ controlPid, supervisorPid, restarts }: Home): Promise<void> {
  for (const file of [controlPid, supervisorPid, restarts]) await rm(file, { force: true });
}

export interface Restarts {
  count: number;
  exitCode: number;
  at: string;
}

/**
 * How often the supervisor had to start the control plane again, and how it ended last; undefined:
 * never.
 */
export async function readRestarts(file: string): Promise<Restarts | undefined> {
  const [count, exitCode, at] = (await readFile(file, 'utf8').catch(() => '')).trim().split(' ');
  return count && exitCode && at
    ? { count: Number(count), exitCode: Number(exitCode), at }
    : undefined;
}
