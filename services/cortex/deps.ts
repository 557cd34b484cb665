// What Cortex needs from outside. Filled in by compose.
import type { NovaBalance } from '#openstack/clients/nova-balance.ts';
import type { NovaFleet } from '#openstack/clients/nova-fleet.ts';
import type { Placement } from '#openstack/clients/placement.ts';
import type { Bus } from '#platform/bus/bus.ts';
import type { Clock } from '#platform/clock.ts';
import type { Ids } from '#platform/ids.ts';
import type { Log } from '#platform/log.ts';
import type { SchedulingConfig } from './domain/scheduling.ts';

export interface CortexConfig extends SchedulingConfig {
  /**
   * Whether schedulers need a token. Nova sends none to an external scheduler: without it, only the
   * network keeps others away.
   */
  schedulersNeedToken: boolean;
  /** How often Placement is asked what has changed. */
  followEveryMs: number;
  /** Of hosts in no aggregate with a zone. */
  defaultZone: string;
}

export const cortexDefaults: CortexConfig = {
  limitHostsToRequest: true,
  evacuationShuffle: 3,
  keptDecisions: 1_000,
  schedulersNeedToken: true,
  followEveryMs: 1_000,
  defaultZone: 'nova',
  inFlightMs: 30_000,
  mostInFlight: 20_000,
};

export interface CortexDeps {
  /** Both in the name of Cortex itself. */
  nova: Pick<NovaFleet, 'hypervisors' | 'aggregates'>;
  placement: Pick<Placement, 'providers' | 'inventory' | 'usages' | 'traits' | 'consumers'>;
  /** Servers of all projects, in the name of an administrator. */
  balance: NovaBalance;
  clock: Clock;
  ids: Ids;
  bus: Bus;
  log: Log;
  config: CortexConfig;
}
