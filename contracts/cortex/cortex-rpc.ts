// Calls to Cortex, topic `cortex`. Cortex is optional: a caller must cope with its absence.
import type { NovaExternalRequest } from './external-scheduler.ts';

export const cortexTopic = 'cortex';

export type CortexRpc = {
  /**
   * Which of the request's hosts suit the server, best first. Claims nothing in Placement, so it
   * may be repeated. Until its claim is seen, the first host is held for the server, and later
   * decisions count it as used; a new answer replaces what an earlier one held. `noHost`: if there
   * is no host, the reason in words for the tenant. badRequest: the request is wrong. unavailable:
   * the fleet has not been read yet, or no Cortex is running.
   */
  chooseHosts: {
    params: { request: NovaExternalRequest };
    result: { hosts: string[]; noHost: string | null };
  };
  /**
   * Fanout: the server has claimed resources of this host, named by its resource provider's id. If
   * the message is lost, the change is seen within a second anyway.
   */
  allocationsChanged: { params: { nodeUuid: string; serverId: string }; result: undefined };
  /**
   * Fanout: the server will not claim the host held for it. If the message is lost, the hold
   * expires.
   */
  choiceDropped: { params: { serverId: string }; result: undefined };
  /**
   * Fanout to Cortex's other processes: the hosts that a decision holds from now on (`held`) and
   * whose holds have ended (`released`). `batch`: the request whose servers are planned now. If
   * lost or late, two decisions may choose the same host; the claim in Placement then decides.
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
