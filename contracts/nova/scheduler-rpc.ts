// Calls of the conductor to the scheduler, topic `scheduler`.
import type { BatchPlace } from '../cortex/external-scheduler.ts';

export const schedulerTopic = 'scheduler';

/** Constraints on the host of a server. */
export interface Wanted {
  zone: string | null;
  host: string | null;
  excludedHosts: readonly string[];
  /** The server's place in a request for several servers. */
  batch?: BatchPlace;
}

export type SchedulerRpc = {
  /**
   * Finds a host for the server and claims its resources in Placement. The allocation is the
   * decision, so that two schedulers never book the same resources. A repetition replaces the
   * server's own claim; a call whose caller has given up claims nothing. `migration`: the uuid of
   * the migration that the host is for: its new flavor counts, and in the same write the server's
   * allocation on the source is transferred to the migration. conflict: no valid host, with the
   * reason; concurrentUpdate: others were faster on every host; notFound: no such server or
   * migration; unavailable, timeout: Placement does not answer.
   */
  selectHost: {
    params: { serverId: string; wanted: Wanted; migration?: string };
    result: { host: string; nodeUuid: string };
  };
};
