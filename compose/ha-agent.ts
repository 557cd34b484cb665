// The HA Agent of a simulated host; created for each boot of the host, like its other agents.
import type { HaAgentDeps } from '#agents/ha-agent/deps.ts';
import { reportTimeoutMs } from '#agents/ha-agent/deps.ts';
import { createHaAgent } from '#agents/ha-agent/ha-agent.ts';
import { haReportsClient } from '#openstack/clients/ha.ts';
import type { AgentDeps, HostAgent } from './host-agents.ts';

type Host = Pick<HaAgentDeps, 'hypervisor' | 'probe' | 'marks' | 'watchdog' | 'config'>;

export function makeHaAgent(deps: AgentDeps, host: Host): HostAgent {
  const { plane, clock, log } = deps;
  const service = haReportsClient(
    { http: plane.http, session: plane.session('ha') },
    { timeoutMs: reportTimeoutMs },
  );
  const agent = createHaAgent({
    ...host,
    service,
    clock,
    log: log.child({ component: 'ha-agent', host: host.config.host }),
  });
  return { kind: 'HA agent', ...agent };
}
