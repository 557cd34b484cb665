// The processes of a running cloud, control plane and supervisor. They are identified by pid and
// start time, so that a reused pid never matches.
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
  /** True once the whole cloud has started. */
  ready: boolean;
}

/** Records this process as the control plane. */
export async function recordSelf(
  file: string,
  facts: Omit<ControlProcess, 'pid' | 'startTime'>,
): Promise<void> {
  await record(file, process.pid, facts);
}

/** Records the supervisor cli/supervise.sh, which is this process's parent. */
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
 * The control plane that runs in this state folder; undefined: none runs, even if an earlier one
 * left its record.
 */
export const findControl = async (file: string): Promise<ControlProcess | undefined> =>
  await find<ControlProcess>(file);

/**
 * The supervisor of a detached cloud; undefined: none runs. It may run while the control plane is
 * dead, to restart it.
 */
export const findSupervisor = async (file: string): Promise<ProcessRecord | undefined> =>
  await find<ProcessRecord>(file);

async function find<T extends ProcessRecord>(file: string): Promise<T | undefined> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  if (text === '') return undefined;
  let processRecord: T;
  try {
    processRecord = JSON.parse(text) as T; // written by `record`
  } catch {
    return undefined; // incomplete: its writer has crashed, so it has ended too
  }
  return processRecord.startTime !== '' && (await isAlive(processRecord))
    ? processRecord
    : undefined;
}

const isAlive = async ({ pid, startTime }: ProcessRecord): Promise<boolean> =>
  (await startTimeOf(pid)) === startTime;

const pollEveryMs = 20;

/**
 * Asks control plane and supervisor to end, and kills them after `patienceMs`. Resolves when both
 * have ended; false: none was running. Guests keep running.
 */
export async function endControl(home: Home, patienceMs: number): Promise<boolean> {
  const [supervisor, control] = [
    await findSupervisor(home.supervisorPid),
    await findControl(home.controlPid),
  ];
  // The supervisor first: it passes the signal on, and must not restart a process that ends.
  const processes = [supervisor, control].filter((each) => each !== undefined);
  const [first] = processes;
  if (!first) return false;
  // One signal each: a second one tells the control plane not to wait for work in progress.
  const signalled = new Set([first]);
  send(first, 'SIGTERM');
  const deadline = systemClock.now() + patienceMs;
  for (;;) {
    const alive: ProcessRecord[] = [];
    for (const each of processes) if (await isAlive(each)) alive.push(each);
    if (alive.length === 0) break;
    // A control plane whose supervisor was killed gets no signal from it, so it is signalled
    // directly.
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
    // the process ended between the check and the signal
  }
}

/** Removes the records of control plane and supervisor. */
export async function forgetControl({ controlPid, supervisorPid, restarts }: Home): Promise<void> {
  for (const file of [controlPid, supervisorPid, restarts]) await rm(file, { force: true });
}

export interface Restarts {
  count: number;
  exitCode: number;
  at: string;
}

/**
 * How often the supervisor restarted the control plane, and its last exit code; undefined: never.
 */
export async function readRestarts(file: string): Promise<Restarts | undefined> {
  const [count, exitCode, at] = (await readFile(file, 'utf8').catch(() => '')).trim().split(' ');
  return count && exitCode && at
    ? { count: Number(count), exitCode: Number(exitCode), at }
    : undefined;
}
