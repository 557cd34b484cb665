// The start time of a process, which tells it from a later one with the same PID. For PID files
// that outlive their process.
import { readFile } from 'node:fs/promises';

/**
 * Clock ticks from boot to the start of the process; null when it has ended or is a zombie. Source:
 * proc_pid_stat(5).
 */
export async function startTimeOf(pid: number): Promise<string | null> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ''); // it has ended
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' '); // the name may contain blanks
  return fields[0] === undefined || fields[0] === '' || fields[0] === 'Z'
    ? null
    : (fields[19] ?? null);
}
