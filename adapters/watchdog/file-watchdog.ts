// The driver of ports/watchdog.ts for local hosts: writes a file that hosts/local/host-watchdog.sh
// reads, outside the host.
import { open, readFile } from 'node:fs/promises';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Clock } from '#platform/clock.ts';
import { watchdogText, watchdogValues } from '#platform/watchdog-file.ts';
import type { Watchdog } from '#ports/watchdog.ts';

const samples = 5;

export function createFileWatchdog(path: string, clock: Pick<Clock, 'monotonicMs'>): Watchdog {
  let aheadMs: Promise<number> | undefined;

  const write = async (deadlineMs: number, limitMs: number): Promise<Outcome<void>> => {
    try {
      // Overwritten in place with the same length: works on a full disk, and readers see all or
      // nothing of a change.
      const file = await open(path, 'r+');
      try {
        await file.write(watchdogText(deadlineMs, limitMs), 0);
      } finally {
        await file.close();
      }
      return undefined;
    } catch (error) {
      return unavailable(error);
    }
  };

  return {
    async limit() {
      const text = await readFile(path, 'utf8').catch(unavailable);
      if (isFault(text)) return text;
      const values = watchdogValues(text);
      if (!values) return fault('unavailable', `what ${path} says is not of a watchdog`);
      return values.limitMs === 0 ? null : values.limitMs;
    },
    async feed(limitMs, contactAtMs) {
      aheadMs ??= uptimeAhead(clock);
      return await write(contactAtMs + (await aheadMs) + limitMs, limitMs);
    },
    disarm: async () => await write(0, 0),
  };
}

const unavailable = (error: unknown) =>
  fault('unavailable', `the watchdog cannot be used: ${(error as Error).message}`);

/**
 * By how much the machine's uptime is ahead of the clock, ms. The uptime is read first: if this
 * process is paused between the reads, the result is too small, and the deadline too early, which
 * is safe; too late would not be.
 */
async function uptimeAhead(clock: Pick<Clock, 'monotonicMs'>): Promise<number> {
  let aheadMs = -Infinity;
  for (let sample = 0; sample < samples; sample += 1) {
    const uptimeMs = Number((await readFile('/proc/uptime', 'utf8')).split(' ')[0]) * 1_000;
    aheadMs = Math.max(aheadMs, uptimeMs - clock.monotonicMs());
  }
  return aheadMs;
}
