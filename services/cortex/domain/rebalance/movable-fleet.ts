// Hosts and servers as rebalancing sees them: what is measured of each, and what may move where.
// What is balanced is one resource class, memory by default; the others must only have room.

export interface BalancedHost {
  name: string;
  /** Balanced against each other, and exchanged between, are hosts of one pool: a zone. */
  pool: string;
  /** Up, enabled and for everybody. Others neither count nor take part. */
  isOpen: boolean;
  /** By resource class. */
  capacity: Readonly<Record<string, number>>;
  /** Of that, by servers whether they may move or not. */
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
  /** undefined: it may move. */
  staysBecause?: string;
  group?: GroupRule;
  /** Hosts that are right for it whatever room they have; undefined: all. */
  targets?: ReadonlySet<string>;
}

export interface MovableFleet {
  hosts: readonly BalancedHost[];
  servers: readonly MovableServer[];
}

export interface BalanceGoal {
  resourceClass: string;
  /** How far a host's use may be from the mean of its pool, as a share of its capacity. */
  tolerance: number;
}

export const defaultGoal: BalanceGoal = { resourceClass: 'MEMORY_MB', tolerance: 0.05 };

/** Members of groups with affinity stay: one of them alone must not leave. */
export const staysWithGroup = ({ group }: MovableServer): boolean =>
  group?.policy === 'affinity' || group?.policy === 'soft-affinity';

/** How many members a host may have; of a soft rule: without getting worse. */
export function mostMembers({ policy, maxPerHost }: GroupRule): number {
  if (policy === 'anti-affinity') return maxPerHost;
  return policy === 'soft-anti-affinity' ? 1 : Infinity;
}
