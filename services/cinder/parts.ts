// What the rooms of Cinder get: the deps, and what the service makes of them once.
import type { Outcome } from '#contracts/common/fault.ts';
import type { CinderDeps } from './deps.ts';
import type { Pool } from './domain/pick-pool.ts';

export interface CinderParts extends CinderDeps {
  /**
   * Every backend that ever answered this process, with figures that are at most `statsMaxAgeMs`
   * old where it answers now.
   */
  pools(): Promise<readonly Pool[]>;
  /** Tells the runner of the sagas to look. A lost wake-up costs a scan period. */
  wake(requestId: string): Promise<Outcome<undefined>>;
}
