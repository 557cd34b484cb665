// What tells a process from a later one with the same PID: its start time. For PID files that
// outlive their process.
import { readFile } from 'node:fs/promises';

/**
 * Clock ticks since boot at which the process began; null when it is gone or only a zombie. Source:
 * proc_pid_stat(5).
 */
export async function startTimeOf(pid: number): Promise<string | null> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ''); // gone
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' '); // the name may hold blanks
  return fields[0] === undefined || fields[0] === '' || fields[0] === 'Z'
    ? null
    : (fields[19] ?? null);
}
