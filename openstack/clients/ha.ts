// Client for the HA Service's heartbeat API, for agents: as a service user, or with the secret of
// one host's agent.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import { asJson } from '#contracts/common/json.ts';
import { agentSecretHeader } from '#contracts/ha/wire.ts';
import type { Heartbeat, HeartbeatAnswer } from '#contracts/ha/wire.ts';
import type { Secret } from '#platform/log.ts';
import type { HttpClient } from '../http/client.ts';
import type { ClientDeps } from './call.ts';
import { askService, documentOf, itself } from './call.ts';

export interface HaReports {
  /**
   * Sends a heartbeat and returns the hosts to watch. Safe to repeat. unavailable, timeout;
   * conflict: the service refuses it.
   */
  report(heartbeat: Heartbeat): Promise<Outcome<HeartbeatAnswer['neighbours']>>;
}

const refusal = (status: number) =>
  fault('conflict', `the HA Service refused a heartbeat: ${status}`);

export function haReportsClient(deps: ClientDeps, { timeoutMs }: { timeoutMs: number }): HaReports {
  const ask = askService(deps, itself, { service: 'ha', root: '/api/', timeoutMs, refusal });
  return {
    report: async (heartbeat) =>
      await documentOf('neighbours', ask('POST', 'heartbeats', asJson(heartbeat))),
  };
}

/**
 * A client for a host's agent: uses the agent's secret instead of a token, so that heartbeats
 * arrive even while Keystone does not answer.
 */
export const haAgentReportsClient = (
  http: HttpClient,
  { secret, timeoutMs }: { secret: Secret; timeoutMs: number },
): HaReports => ({
  async report(heartbeat) {
    const answer = await http.send({
      method: 'POST',
      service: 'ha',
      path: `/api/hosts/${encodeURIComponent(heartbeat.host)}/heartbeats`,
      timeoutMs,
      headers: { [agentSecretHeader]: secret.reveal() },
      body: asJson(heartbeat),
    });
    if (isFault(answer)) return answer;
    if (answer.status >= 500)
      return fault('unavailable', `the HA Service answers ${answer.status}`);
    if (answer.status >= 300) return refusal(answer.status);
    return await documentOf('neighbours', Promise.resolve(answer.body));
  },
});
