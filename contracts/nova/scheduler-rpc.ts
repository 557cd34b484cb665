// Calls of the conductor to the scheduler, topic `scheduler`.
import type { BatchPlace } from '../cortex/external-scheduler.ts';

export const schedulerTopic = 'scheduler';

/** Constraints on the host of a server. */
export interface Wanted {
  zone: string | null;
  host: string | null;
  excludedHosts: readonly string[];
  /** Its place among the servers of one request to create them. */
  batch?: BatchPlace;
}

export type SchedulerRpc = {
  /**
   * Finds a host for the server and claims its resources in Placement: the allocation is the
   * decision, so two schedulers never book the same resources. Repeating replaces the server's own
   * claim; a call whose caller has given up claims nothing. `migration`: the uuid of the move that
   * the host is for; its new flavor counts, and what the server held before becomes the move's own
   * in the same write. conflict: no valid host, and why; concurrentUpdate: others were faster on
   * every host; notFound: there is no such server or migration; unavailable, timeout: Placement
   * does not answer.
   */
  selectHost: {
    params: { serverId: string; wanted: Wanted; migration?: string };
    result: { host: string; nodeUuid: string };
  };
};
