// POST /scheduler/rebalance: the migrations that Cortex proposes, with reasons. Cortex moves
// nothing itself: the caller asks Nova for the migrations. Shares are of a host's memory, 0 to 1.

export interface RebalanceRequest {
  /** Deviation from the pool's mean that is accepted, as a share. Default 0.05. */
  tolerance?: number;
  /** Limit of migrations in the plan. Default 50. */
  most_migrations?: number;
  /** Limit of migrations from or to one host. Default 10. */
  most_per_host?: number;
  /** Servers that moved within this time are not moved again. Default 60. */
  rest_minutes?: number;
  /** Ids of servers not to be moved, e.g. because their migration failed. */
  without?: string[];
}

export interface RebalancePlan {
  hosts: {
    host: string;
    pool: string;
    /**
     * Whether servers may be moved from and to the host. False: it is closed to migrations, and
     * does not count for the mean.
     */
    open: boolean;
    use: number;
    mean: number;
  }[];
  findings: { detector: string; host: string; text: string }[];
  /** To be executed in this order: later ones may need the room that earlier ones free. */
  migrations: RebalanceMigration[];
}

export type RebalanceMigration = {
  server: string;
  name: string;
  from: string;
  to: string;
  memory_mib: number;
  reason: string;
  /** By how much the hosts' use beyond the tolerance shrinks, MiB. */
  gain_mib: number;
  use_of_source: [before: number, after: number];
  use_of_target: [before: number, after: number];
};
