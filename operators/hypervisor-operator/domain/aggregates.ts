// Which aggregates a hypervisor belongs into now, and what is to be done for it. Pure.
import { conditionOf } from '#contracts/kube/conditions.ts';
import type { WantedCondition } from '#contracts/kube/conditions.ts';
import { isTrue } from '#contracts/kube/conditions.ts';
import type { Hypervisor } from '#contracts/kube/kinds.ts';
import { labels } from '#contracts/kube/kinds.ts';
import type { FleetAggregate } from '#openstack/clients/nova-fleet.ts';
import { isEvicted, isLeaving } from './offboarding.ts';

export type WantedAggregates =
  /** By name; the condition when the host is in them. */
  | { names: readonly string[]; reached: WantedCondition }
  /** Nothing is changed now. */
  | { names: null; reached: WantedCondition };

const updated = (
  status: WantedCondition['status'],
  reason: string,
  message: string,
): WantedCondition => ({ type: 'AggregatesUpdated', status, reason, message });

/** `testAggregate`: beside that of the zone, until the host is onboarded; '': none. */
export function wantedAggregates(hypervisor: Hypervisor, testAggregate: string): WantedAggregates {
  const { aggregates = [], customTraits = [] } = hypervisor.spec;
  if (isLeaving(hypervisor))
    return isEvicted(hypervisor)
      ? { names: [], reached: updated('False', 'Terminating', 'Aggregates cleared: termination') }
      : {
          names: null,
          reached: updated('False', 'EvictionInProgress', 'Aggregates stay until it is evicted'),
        };
  const onboarding = conditionOf(hypervisor, 'Onboarding');
  const zone = hypervisor.metadata.labels?.[labels.zone];
  if (onboarding?.status === 'True' && onboarding.reason !== 'Handover') {
    const names = testAggregate === '' ? [] : [...(zone ? [zone] : []), testAggregate];
    return { names, reached: updated('False', 'TestAggregates', 'Aggregates of the tests') };
  }
  if (customTraits.length > 0 && !isTrue(hypervisor, 'TraitsUpdated'))
    return {
      names: null,
      reached: updated('False', 'WaitingForTraits', 'The traits come before the aggregates'),
    };
  return { names: aggregates, reached: updated('True', 'Succeeded', 'Aggregates are up to date') };
}

export interface AggregateChanges {
  /** Before `remove`, so that a host is never outside every tenant's filter. */
  add: FleetAggregate[];
  remove: FleetAggregate[];
  /** Names that Nova has no aggregate of. */
  missing: string[];
  wanted: FleetAggregate[];
}

/** Only aggregates that the operator put the host into (`applied`) are left. */
export function aggregateChanges(
  host: string,
  names: readonly string[],
  applied: readonly string[],
  all: readonly FleetAggregate[],
): AggregateChanges {
  const isIn = ({ hosts }: FleetAggregate): boolean => hosts.includes(host);
  const wanted = all.filter(({ name }) => names.includes(name));
  return {
    add: wanted.filter((each) => !isIn(each)),
    remove: all.filter(
      (each) => isIn(each) && applied.includes(each.name) && !names.includes(each.name),
    ),
    missing: names.filter((name) => !all.some((each) => each.name === name)),
    wanted,
  };
}
