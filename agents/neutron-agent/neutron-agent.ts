// The Neutron Agent: answers metadata requests of the guests on its host, and reports the host's
// network and its health. Has no database.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import { neutronTopic, type NeutronRpc } from '#contracts/neutron/agent-rpc.ts';
import { rpcClient } from '#platform/bus/contract.ts';
import type { Task } from '#platform/tasks/tasks.ts';
import { createTroubleLog } from '#platform/trouble-log.ts';
import type { NeutronAgentDeps } from './deps.ts';
import { MetadataEndpoints } from './metadata-endpoints.ts';

export interface NeutronAgent {
  /**
   * Removes switch ports without an interface, which a crash of the host has left, reports to
   * Neutron, and has a pass over the metadata endpoints begin. unavailable: the host's network or
   * the control plane does not answer; call it again.
   */
  start(): Promise<Outcome<void>>;
  tasks: readonly Task[];
  /** Stops answering metadata requests; the guests' traffic is not affected. */
  stop(): Promise<void>;
}

const reportEveryMs = 10_000;
const checkEveryMs = 10_000;
const reportTimeoutMs = 10_000;

export function createNeutronAgent(deps: NeutronAgentDeps): NeutronAgent {
  const {
    bus,
    clock,
    ids,
    log,
    config: { host, version },
  } = deps;
  const neutron = rpcClient<NeutronRpc>(bus, neutronTopic);
  const startedAtMs = clock.now();
  const troubles = createTroubleLog(log.child({ host }));
  const network = deps.openHostNetwork({
    changed: () => endpoints.wake('new'),
    endpointsLost: () => endpoints.wake('all'),
  });
  const endpoints = new MetadataEndpoints(deps, network);

  async function report(): Promise<Outcome<void>> {
    const facts = await network.facts();
    if (isFault(facts)) return facts;
    const { switchAlive, controllerConnected } = facts.health;
    troubles.note(
      'health',
      switchAlive && controllerConnected
        ? undefined
        : fault('unavailable', JSON.stringify(facts.health)),
      'the network of the host is not healthy',
    );
    const reportResult = await neutron.call(
      'reportNetwork',
      { host, facts, version, startedAtMs },
      { timeoutMs: reportTimeoutMs, requestId: ids.requestId() },
    );
    return isFault(reportResult) ? reportResult : undefined;
  }

  return {
    async start() {
      const stale = await network.removeStalePorts();
      if (isFault(stale)) return stale;
      if (stale.length > 0) log.warn({ host, ports: stale }, 'ports without an interface removed');
      const reported = await report();
      if (isFault(reported)) return reported;
      endpoints.wake('all');
      return undefined;
    },
    tasks: [
      {
        name: 'neutron-agent.report-network',
        everyMs: reportEveryMs,
        scope: 'every',
        run: async () => {
          troubles.note('report', await report(), 'host network not reported');
        },
      },
      {
        name: 'neutron-agent.keep-endpoints',
        everyMs: checkEveryMs,
        scope: 'every',
        run: async () => {
          endpoints.wake('all');
          await endpoints.settled();
        },
      },
    ],
    async stop() {
      await endpoints.close();
      await network.close();
    },
  };
}
