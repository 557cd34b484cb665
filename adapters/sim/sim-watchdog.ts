// The simulated driver of ports/watchdog.ts.
import type { Clock, Timer } from '#platform/clock.ts';
import type { Watchdog } from '#ports/watchdog.ts';

export interface SimWatchdog extends Watchdog {
  /** The host boots: if the watchdog is armed, its limit counts from now. */
  boot(): void;
}

/**
 * Creates a host's watchdog. `onExpiry` is called when it was not fed in time, and must end the
 * host's guests.
 */
export function createSimWatchdog(
  clock: Pick<Clock, 'after' | 'monotonicMs'>,
  onExpiry: () => void,
): SimWatchdog {
  let limit: number | null = null;
  let timer: Timer | undefined;
  const count = (limitMs: number, fromMs: number): void => {
    timer?.stop();
    const leftMs = Math.max(0, fromMs + limitMs - clock.monotonicMs());
    timer = clock.after(leftMs, onExpiry, { unref: true });
  };
  return {
    limit: async () => limit,
    async feed(limitMs, contactAtMs) {
      limit = limitMs;
      count(limitMs, contactAtMs);
      return undefined;
    },
    async disarm() {
      limit = null;
      timer?.stop();
      return undefined;
    },
    boot() {
      if (limit !== null) count(limit, clock.monotonicMs());
    },
  };
}
