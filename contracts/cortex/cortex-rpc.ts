// Calls to Cortex, topic `cortex`. It may be away: who asks has a way of its own then.
import type { NovaExternalRequest } from './external-scheduler.ts';

export const cortexTopic = 'cortex';

export type CortexRpc = {
  /**
   * Which of the request's hosts may take the server, best first. Claims nothing, so it may be
   * repeated; until the claim is seen, the first of them is held for the server, and later
   * decisions find it used. An answer replaces what an earlier one held. `noHost`: if there is
   * none, why, in words for a tenant. badRequest: the request is wrong. unavailable: the fleet is
   * not known yet, or nobody answers.
   */
  chooseHosts: {
    params: { request: NovaExternalRequest };
    result: { hosts: string[]; noHost: string | null };
  };
  /**
   * Sent to all: what is allocated of this host, by the id of its resource provider, has changed,
   * by a claim of the server. A lost message costs a second: then the change is seen anyway.
   */
  allocationsChanged: { params: { nodeUuid: string; serverId: string }; result: undefined };
  /** Sent to all: no host is claimed for the server. Lost, what is held for it ends by itself. */
  choiceDropped: { params: { serverId: string }; result: undefined };
  /**
   * From one process of Cortex to the others: what its decision holds from now on, and whose it
   * holds no more. `batch`: the request whose servers have been placed by it. Lost or late, two
   * decisions may choose the same: a claim then settles it.
   */
  choicesChanged: {
    params: {
      from: string;
      held: {
        owner: string;
        host: string;
        resources: Record<string, number>;
        group: string | null;
      }[];
      released: string[];
      batch: string | null;
    };
    result: undefined;
  };
};
