// What Keystone needs from outside, and its settings with defaults. Created by compose.
import type { Clock } from '#platform/clock.ts';
import type { Ids } from '#platform/ids.ts';
import type { Log } from '#platform/log.ts';
import type { Db } from './store/tables.ts';

export interface KeystoneConfig {
  tokenLifetimeMs: number;
  /** Consecutive wrong passwords after which a user is locked; 0: never. */
  lockoutFailures: number;
  /** How long the user stays locked after the last wrong password. */
  lockoutMs: number;
  /** Minimum length of a password that users choose themselves. */
  minPasswordLength: number;
  /** Limit of password checks that wait for their turn, in total. */
  passwordsWaiting: number;
  /** The same limit for the requests of one client address. */
  passwordsWaitingPerSource: number;
}

export const keystoneDefaults: KeystoneConfig = {
  tokenLifetimeMs: 3_600_000,
  lockoutFailures: 5,
  lockoutMs: 300_000,
  minPasswordLength: 1,
  passwordsWaiting: 512,
  passwordsWaitingPerSource: 128,
};

export interface KeystoneDeps {
  db: Db;
  clock: Clock;
  ids: Ids;
  log: Log;
  config?: Partial<KeystoneConfig>;
}
