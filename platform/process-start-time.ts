// The start time of a process, which tells a process from a later one with the same pid. For pid
// files that outlive their process.
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';

/**
 * The process's start time in clock ticks since boot; null when it has ended or is a zombie.
 * Source: proc_pid_stat(5).
 */
export async function startTimeOf(pid: number): Promise<string | null> {
  // A process that has ended has no stat file.
  return startTimeIn(await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ''));
}

function startTimeIn(stat: string): string | null {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' '); // the name may contain blanks
  return fields[0] === undefined || fields[0] === '' || fields[0] === 'Z'
    ? null
    : (fields[19] ?? null);
}

/** The machine's boot id. Start times count from boot, so they compare only within one boot. */
export const bootId = (): string => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();

/**
 * `bootId pid startTime` of a running process. Separated by blanks, because shell scripts write
 * this format too.
 */
export const processMark = (pid: number): string =>
  `${bootId()} ${pid} ${startTimeIn(readFileSync(`/proc/${pid}/stat`, 'utf8'))}`;

export interface MarkedProcess {
  pid: number;
  startTime: string;
}

/** The process of this mark if it still runs; null if it has ended or the text is not a mark. */
export async function markedProcess(mark: string): Promise<MarkedProcess | null> {
  const [boot, pid, startTime] = mark.trim().split(' ');
  if (!pid || !startTime || boot !== bootId()) return null;
  return (await startTimeOf(Number(pid))) === startTime ? { pid: Number(pid), startTime } : null;
}
