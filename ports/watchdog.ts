// A watchdog outside the host: ends the host's guests when its HA Agent stops feeding it, because
// the agent died, the whole host is frozen, or nothing reaches the host any more. It needs no help
// of the host's processes. Drivers: adapters/watchdog, adapters/sim. A driver for real machines
// would use /dev/watchdog, whose limit is set when it is opened and counts from each write
// (kernel.org, watchdog-api), or systemd's RuntimeWatchdogSec and WATCHDOG=1: both reset the
// machine.
import type { Outcome } from '#contracts/common/fault.ts';

/**
 * A host's watchdog. Faults of every call: unavailable (this host has no watchdog, or it cannot be
 * used now).
 */
export interface Watchdog {
  /**
   * The limit, ms, with which it is armed, also by an earlier agent or in an earlier boot; null: it
   * is not armed.
   */
  limit(): Promise<Outcome<number | null>>;
  /**
   * Arms or feeds the watchdog: it ends every guest of the host unless it is fed again within
   * `limitMs` of `contactAtMs`, a past moment by the agent's monotonic clock. Each call replaces
   * the values of the one before. It stays armed when the agent ends, and when the host reboots:
   * then the limit counts from the boot. Safe to repeat.
   */
  feed(limitMs: number, contactAtMs: number): Promise<Outcome<void>>;
  /** Disarms the watchdog until it is fed again. Safe to repeat. */
  disarm(): Promise<Outcome<void>>;
}
