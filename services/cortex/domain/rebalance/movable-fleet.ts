// Hosts and servers for rebalancing: their amounts, and what may move where. One resource class is
// balanced, memory by default; for the others hosts only need room.

export interface BalancedHost {
  name: string;
  /** Hosts are compared, and servers moved, only within a pool, which is an availability zone. */
  pool: string;
  /** Up, enabled and open to all projects. Other hosts take no part. */
  isOpen: boolean;
  /** By resource class. */
  capacity: Readonly<Record<string, number>>;
  /** Used by all servers, movable or not; by resource class. */
  used: Readonly<Record<string, number>>;
}

export interface GroupRule {
  id: string;
  policy: string;
  maxPerHost: number;
}

export interface MovableServer {
  id: string;
  name: string;
  host: string;
  resources: Readonly<Record<string, number>>;
  /** Why the server must stay; undefined: it may move. */
  staysBecause?: string;
  group?: GroupRule;
  /** Hosts that suit the server apart from free room; undefined: all. */
  targets?: ReadonlySet<string>;
}

export interface MovableFleet {
  hosts: readonly BalancedHost[];
  servers: readonly MovableServer[];
}

export interface BalanceGoal {
  resourceClass: string;
  /** How far a host's usage may deviate from its pool's mean, as a share of its capacity. */
  tolerance: number;
}

export const defaultGoal: BalanceGoal = { resourceClass: 'MEMORY_MB', tolerance: 0.05 };

/** Members of affinity groups stay, since one must not leave alone. */
export const staysWithGroup = ({ group }: MovableServer): boolean =>
  group?.policy === 'affinity' || group?.policy === 'soft-affinity';

/**
 * How many members of a group a host may have. Under a soft rule `Balance.fits` accepts more where
 * the source host has as many.
 */
export function mostMembers({ policy, maxPerHost }: GroupRule): number {
  if (policy === 'anti-affinity') return maxPerHost;
  return policy === 'soft-anti-affinity' ? 1 : Infinity;
}
