// Calls of the conductor to the scheduler, topic `scheduler`.

export const schedulerTopic = 'scheduler';

/** Constraints on the host of a server. */
export interface Wanted {
  zone: string | null;
  host: string | null;
  excludedHosts: readonly string[];
}

export type SchedulerRpc = {
  /**
   * Finds a host for the server and claims its resources in Placement: the allocation is the
   * decision, so two schedulers never book the same resources. Repeating replaces the server's own
   * claim; a call whose caller has given up claims nothing. conflict: no valid host, and why;
   * concurrentUpdate: others were faster on every host; notFound: there is no such server;
   * unavailable, timeout: Placement does not answer.
   */
  selectHost: {
    params: { serverId: string; wanted: Wanted };
    result: { host: string; nodeUuid: string };
  };
};
