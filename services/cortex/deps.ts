// What Cortex needs from outside; created by compose.
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
   * Whether schedulers need a token. Nova sends none to an external scheduler; without the check
   * only network rules keep other callers away.
   */
  schedulersNeedToken: boolean;
  /** How often Placement is polled for changes. */
  followEveryMs: number;
  /** The zone of hosts that are in no aggregate with a zone. */
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
  /** Reads hypervisors and aggregates with Cortex's own service identity. */
  nova: Pick<NovaFleet, 'hypervisors' | 'aggregates'>;
  /** Reads providers and allocations with Cortex's own service identity. */
  placement: Pick<Placement, 'providers' | 'inventory' | 'usages' | 'traits' | 'consumers'>;
  /** Reads servers of all projects with an administrator's identity. */
  balance: NovaBalance;
  clock: Clock;
  ids: Ids;
  bus: Bus;
  log: Log;
  config: CortexConfig;
}
