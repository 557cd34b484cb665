// POST /scheduler/rebalance: what Cortex would move, and why. Nothing is moved by it: who asks
// orders the migrations at Nova. Shares are of a host's memory, 0 to 1.

export interface RebalanceRequest {
  /** Default 0.05. */
  tolerance?: number;
  /** Default 50. */
  most_migrations?: number;
  /** From a host or to it; default 10. */
  most_per_host?: number;
  /** A server that has moved within this time stays; default 60. */
  rest_minutes?: number;
  /** Servers that are not to be chosen: those whose migration failed. */
  without?: string[];
}

export interface RebalancePlan {
  hosts: {
    host: string;
    pool: string;
    /** Closed hosts neither give nor take, nor do they count. */
    open: boolean;
    use: number;
    mean: number;
  }[];
  findings: { detector: string; host: string; text: string }[];
  /** In the order in which each finds room. */
  migrations: RebalanceMigration[];
}

export type RebalanceMigration = {
  server: string;
  name: string;
  from: string;
  to: string;
  memory_mib: number;
  reason: string;
  /** MiB that are used beyond the tolerance before it, and not after it. */
  gain_mib: number;
  use_of_source: [before: number, after: number];
  use_of_target: [before: number, after: number];
};
