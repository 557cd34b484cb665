// The aggregates in which a hypervisor should be at the moment, and the changes needed. Pure.
import { conditionOf } from '#contracts/kube/conditions.ts';
import type { WantedCondition } from '#contracts/kube/conditions.ts';
import { isTrue } from '#contracts/kube/conditions.ts';
import type { Hypervisor } from '#contracts/kube/kinds.ts';
import { labels } from '#contracts/kube/kinds.ts';
import type { FleetAggregate } from '#openstack/clients/nova-fleet.ts';
import { isEvicted, isLeaving } from './offboarding.ts';

export type WantedAggregates =
  /** The wanted aggregates, and the condition to write once the host is in them. */
  | { names: readonly string[]; reached: WantedCondition }
  /** Leave the aggregates unchanged for now. */
  | { names: null; reached: WantedCondition };

const updated = (
  status: WantedCondition['status'],
  reason: string,
  message: string,
): WantedCondition => ({ type: 'AggregatesUpdated', status, reason, message });

/**
 * The aggregates in which the host should be at this point of its life cycle. `testAggregate`:
 * wanted besides the zone's aggregate while the host is tested; '': none is wanted then.
 */
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
  /**
   * Added before the host leaves the aggregates of `remove`: a host in no tenant's aggregate is
   * open to all tenants.
   */
  add: FleetAggregate[];
  remove: FleetAggregate[];
  /** Names for which Nova has no aggregate. */
  missing: string[];
  wanted: FleetAggregate[];
}

/** The host is removed only from aggregates to which the operator has added it (`applied`). */
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
