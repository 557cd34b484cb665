// The file by which a host of this machine feeds its watchdog: two numbers of milliseconds, in one
// line of one length. hosts/local/host-watchdog.sh reads it.

export interface WatchdogValues {
  /** Since the boot of the machine, as /proc/uptime counts. */
  deadlineMs: number;
  /** 0: not armed. */
  limitMs: number;
}

const width = 15;

export const watchdogText = (deadlineMs: number, limitMs: number): string =>
  `${[deadlineMs, limitMs].map((each) => String(Math.floor(each)).padStart(width)).join(' ')}\n`;

export function watchdogValues(text: string): WatchdogValues | undefined {
  const [deadline, limit] = text.trim().split(/ +/);
  const [deadlineMs, limitMs] = [Number(deadline), Number(limit)];
  return Number.isInteger(deadlineMs) && Number.isInteger(limitMs)
    ? { deadlineMs, limitMs }
    : undefined;
}
