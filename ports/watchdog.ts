// What ends the guests of a host that nothing else reaches any more, without any help of the host's
// processes: a dead agent, or a host that is frozen as a whole, is ended as well. Fed by the HA
// Agent. Drivers: adapters/watchdog, adapters/sim. A driver of a machine's own would have
// /dev/watchdog, whose limit is set when it is opened and counts from each write (kernel.org,
// watchdog-api), or systemd's RuntimeWatchdogSec and WATCHDOG=1: both reset the machine.
import type { Outcome } from '#contracts/common/fault.ts';

/** Faults of every call: unavailable: this host has none, or it cannot be used now. */
export interface Watchdog {
  /** What it is armed with, also by an earlier agent, or in an earlier boot; null: it is not. */
  limit(): Promise<Outcome<number | null>>;
  /**
   * Arms it, or feeds one that is armed: it ends every guest of the host unless it is fed again
   * within `limitMs` from `contactAtMs`, a moment of the agent's monotonic clock in the past. Each
   * call takes the place of the one before. It stays armed when the agent ends, and when the host
   * boots anew: then the limit counts from the boot. Safe to repeat.
   */
  feed(limitMs: number, contactAtMs: number): Promise<Outcome<void>>;
  /** It ends nothing any more until it is fed. Safe to repeat. */
  disarm(): Promise<Outcome<void>>;
}
