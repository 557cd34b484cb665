// What the routes of Cortex share.
import type { NovaBalance } from '#openstack/clients/nova-balance.ts';
import type { Clock } from '#platform/clock.ts';
import type { CortexConfig } from '../deps.ts';
import type { KeptDecision } from '../domain/decision-log.ts';
import type { InFlightChanges, Scheduling } from '../domain/scheduling.ts';
import type { FleetFollower } from '../follow-openstack.ts';

export interface CortexParts {
  scheduling: Scheduling;
  follower: Pick<FleetFollower, 'isReady' | 'settled' | 'refresh'>;
  balance: NovaBalance;
  clock: Pick<Clock, 'now'>;
  config: CortexConfig;
  /** Told of each request that was answered, with the hosts of the answer. */
  noteDecision: (kept: KeptDecision, hosts: readonly string[]) => void;
  /** The other processes of Cortex; that some do not hear it is no fault. */
  tellOthers: (changes: InFlightChanges, requestId: string) => Promise<void>;
}
