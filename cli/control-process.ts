// The process of a running control plane: known by pid and start time, so that a reused pid is never taken for it.
import { readFile, rm } from 'node:fs/promises';
import { writeWhole } from '#compose/home.ts';
import { startTimeOf } from '#platform/process-start-time.ts';

export interface ControlProcess {
  pid: number;
  startTime: string;
  port: number;
  localHosts: number;
  simulatedHosts: number;
  version: string;
  startedAt: string;
  /** Set once everything is up. */
  ready: boolean;
}

export async function recordSelf(file: string, facts: Omit<ControlProcess, 'pid' | 'startTime'>): Promise<void> {
  const startTime = (await startTimeOf(process.pid)) ?? '';
  await writeWhole(file, `${JSON.stringify({ pid: process.pid, startTime, ...facts })}\n`);
}

/** The control plane that runs in this state folder; undefined: none, whatever an earlier one left behind. */
export async function findControl(file: string): Promise<ControlProcess | undefined> {
  const text = await readFile(file, 'utf8').catch(() => '');
  if (text === '') return undefined;
  let control: ControlProcess;
  try {
    control = JSON.parse(text) as ControlProcess;
  } catch {
    return undefined; // cut short by a crash: then its writer is gone as well
  }
  return control.startTime !== '' && (await startTimeOf(control.pid)) === control.startTime ? control : undefined;
}

/** Asks it to end, insists after `patienceMs`. Resolves when it is gone. */
export async function endControl(control: ControlProcess, patienceMs: number): Promise<void> {
  const gone = async (): Promise<boolean> => (await startTimeOf(control.pid)) !== control.startTime;
  const send = (signal: NodeJS.Signals): void => {
    try {
      process.kill(control.pid, signal);
    } catch {
      // it went between the look and the signal
    }
  };
  send('SIGTERM');
  const deadline = Date.now() + patienceMs;
  while (!(await gone())) {
    if (Date.now() > deadline) send('SIGKILL');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export async function forgetControl(file: string): Promise<void> {
  await rm(file, { force: true });
}
