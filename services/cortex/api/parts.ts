// What the routes of Cortex share: scheduling, what keeps the fleet current, clients, settings.
import type { NovaBalance } from '#openstack/clients/nova-balance.ts';
import type { Clock } from '#platform/clock.ts';
import type { CortexConfig } from '../deps.ts';
import type { LoggedDecision } from '../domain/decision-log.ts';
import type { InFlightChanges, Scheduling } from '../domain/scheduling.ts';
import type { FleetFollower } from '../follow-openstack.ts';

export interface CortexParts {
  scheduling: Scheduling;
  follower: Pick<FleetFollower, 'isReady' | 'settled' | 'refresh'>;
  balance: NovaBalance;
  clock: Pick<Clock, 'now'>;
  config: CortexConfig;
  /** Called for each answered request, with the hosts of the answer. */
  noteDecision: (logged: LoggedDecision, hosts: readonly string[]) => void;
  /**
   * Sends changes of in-flight choices to Cortex's other processes; a lost message does no harm.
   */
  announceChanges: (changes: InFlightChanges, requestId: string) => Promise<void>;
}
