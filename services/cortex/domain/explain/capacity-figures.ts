// Free amounts of a resource class on a set of hosts. They tell whether a request failed for lack
// of capacity or because the free capacity is fragmented.
import type { Fleet } from '../fleet/fleet.ts';
import type { HostSet } from '../fleet/host-set.ts';
import { membersOf } from '../fleet/host-set.ts';

export interface CapacityFigures {
  resourceClass: string;
  wanted: number;
  /** The most that a single host could give if it were empty. */
  largest: number;
  /** The most that a single host has free. */
  mostFree: number;
  totalFree: number;
  /** Amount held by reservations on the hosts that would have room without these. */
  heldWhereItWouldFit: number;
}

export function capacityFigures(
  fleet: Fleet,
  hosts: HostSet,
  resourceClass: string,
  wanted: number,
): CapacityFigures {
  const column = fleet.resource(resourceClass);
  const figures = {
    resourceClass,
    wanted,
    largest: 0,
    mostFree: 0,
    totalFree: 0,
    heldWhereItWouldFit: 0,
  };
  for (const host of membersOf(hosts)) {
    const free = column.free[host] ?? 0;
    // capacity not known: the host is never excluded for it
    if (Number.isNaN(free)) return { ...figures, largest: Infinity, mostFree: Infinity };
    const reserved = column.reserved[host] ?? 0;
    const largest = Math.min(column.capacity[host] ?? 0, column.maxUnits[host] ?? 0);
    figures.largest = Math.max(figures.largest, largest);
    figures.mostFree = Math.max(figures.mostFree, free);
    figures.totalFree += Math.max(0, free);
    if (free < wanted && free + reserved >= wanted) figures.heldWhereItWouldFit += reserved;
  }
  return figures;
}

/** An amount with its unit, rounded down: '64 GiB', '8 vCPUs'. */
export function sizeText(resourceClass: string, amount: number): string {
  const whole = Math.max(0, Math.floor(amount));
  switch (resourceClass) {
    case 'MEMORY_MB':
      return whole < 1024 ? `${whole} MiB` : `${Number((whole / 1024).toFixed(1))} GiB`;
    case 'DISK_GB':
      return `${whole} GiB`;
    case 'VCPU':
      return `${whole} vCPUs`;
    default:
      return `${whole} ${resourceClass}`;
  }
}

const nouns: Readonly<Record<string, string>> = { MEMORY_MB: ' of memory', DISK_GB: ' of disk' };

/** The same with the resource's name: '64 GiB of memory', '8 vCPUs'. */
export const amountText = (resourceClass: string, amount: number): string =>
  `${sizeText(resourceClass, amount)}${nouns[resourceClass] ?? ''}`;
