// The start time of a process, which tells it from a later one with the same PID. For PID files
// that outlive their process.
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';

/**
 * Clock ticks from boot to the start of the process; null when it has ended or is a zombie. Source:
 * proc_pid_stat(5).
 */
export async function startTimeOf(pid: number): Promise<string | null> {
  return startTimeIn(await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')); // it has ended
}

function startTimeIn(stat: string): string | null {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' '); // the name may contain blanks
  return fields[0] === undefined || fields[0] === '' || fields[0] === 'Z'
    ? null
    : (fields[19] ?? null);
}

/** Another one after each boot of the machine: start times count from there. */
export const bootId = (): string => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();

/** `bootId pid startTime` of a process that runs; with blanks, since a shell writes it, too. */
export const processMark = (pid: number): string =>
  `${bootId()} ${pid} ${startTimeIn(readFileSync(`/proc/${pid}/stat`, 'utf8'))}`;

export interface MarkedProcess {
  pid: number;
  startTime: string;
}

/** The process of this mark, if it runs still; null also for what is no mark. */
export async function markedProcess(mark: string): Promise<MarkedProcess | null> {
  const [boot, pid, startTime] = mark.trim().split(' ');
  if (!pid || !startTime || boot !== bootId()) return null;
  return (await startTimeOf(Number(pid))) === startTime ? { pid: Number(pid), startTime } : null;
}
