// The file by which the agent of a local host feeds the host's watchdog: two numbers of
// milliseconds in one line of fixed length. hosts/local/host-watchdog.sh reads it.

export interface WatchdogValues {
  /** When the watchdog acts, in ms since the machine's boot, as /proc/uptime counts. */
  deadlineMs: number;
  /** 0: not armed. */
  limitMs: number;
}

const width = 15;

export const watchdogText = (deadlineMs: number, limitMs: number): string =>
  `${[deadlineMs, limitMs].map((each) => String(Math.floor(each)).padStart(width)).join(' ')}\n`;

/** Parses the file's text; undefined: it is not in this format. */
export function watchdogValues(text: string): WatchdogValues | undefined {
  const [deadline, limit] = text.trim().split(/ +/);
  const [deadlineMs, limitMs] = [Number(deadline), Number(limit)];
  return Number.isInteger(deadlineMs) && Number.isInteger(limitMs)
    ? { deadlineMs, limitMs }
    : undefined;
}
