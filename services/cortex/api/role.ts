// The role `cortex`: chooses hosts for servers, for Nova's scheduler and for any caller of the
// external scheduler API. The whole fleet is in memory. Any number of processes may run, each with
// its own picture of the fleet, since only the claim in Placement is binding. Created by compose.
import { isFault } from '#contracts/common/fault.ts';
import type { CortexRpc } from '#contracts/cortex/cortex-rpc.ts';
import { cortexTopic } from '#contracts/cortex/cortex-rpc.ts';
import type { Role } from '#openstack/role.ts';
import type { RpcServer } from '#platform/bus/bus.ts';
import { rpcClient, rpcServer } from '#platform/bus/contract.ts';
import type { Task } from '#platform/tasks/tasks.ts';
import type { CortexDeps } from '../deps.ts';
import { Fleet } from '../domain/fleet/fleet.ts';
import { defaultPipelines } from '../domain/pipeline/default-pipelines.ts';
import { Scheduling } from '../domain/scheduling.ts';
import type { FleetFollower } from '../follow-openstack.ts';
import { followOpenStack } from '../follow-openstack.ts';
import { chooseHosts } from './choose-hosts.ts';
import { decisionRoutes } from './decision-routes.ts';
import { cortexFaults } from './fault-body.ts';
import type { CortexParts } from './parts.ts';
import { policies } from './policies.ts';
import { rebalanceRoutes } from './rebalance-routes.ts';
import { schedulerRoutes } from './scheduler-routes.ts';

export interface CortexRole extends Role {
  /** For follow-hypervisors.ts, which adds facts from Hypervisor resources. */
  picture: Pick<FleetFollower, 'noteHypervisor'>;
  /** Sets the one function that receives all decisions. */
  recordTo(note: CortexParts['noteDecision']): void;
  /** For follow-pipelines.ts, which changes pipelines. */
  scheduling: Scheduling;
}

export function createCortex(deps: CortexDeps): CortexRole {
  const { clock, config } = deps;
  const fleet = new Fleet();
  const scheduling = new Scheduling(fleet, config);
  for (const [name, spec] of Object.entries(defaultPipelines)) {
    const wrong = scheduling.setPipeline(name, spec);
    if (isFault(wrong)) throw new Error(`the pipeline ${name} is wrong: ${wrong.message}`);
  }
  const follower = followOpenStack({
    ...deps,
    fleet,
    inFlight: scheduling.inFlight,
    defaultZone: config.defaultZone,
  });
  const from = deps.ids.uuid();
  const others = rpcClient<CortexRpc>(deps.bus, cortexTopic);
  let record: CortexParts['noteDecision'] = () => undefined;
  const parts: CortexParts = {
    noteDecision: (...decision) => record(...decision),
    scheduling,
    balance: deps.balance,
    clock,
    config,
    follower,
    announceChanges: async (changes, requestId) =>
      await others.fanout('choicesChanged', { from, ...changes }, { requestId }),
  };
  return {
    ...cortexFace(parts),
    rpc: [rpcOf(parts, follower, from)],
    tasks: [followFleet(deps, follower)],
    picture: follower,
    scheduling,
    recordTo(note) {
      record = note;
    },
  };
}

/**
 * The role's RPC handlers. `own`: this process's sender name, by which it ignores its own messages.
 */
const rpcOf = (parts: CortexParts, follower: FleetFollower, own: string): RpcServer =>
  rpcServer<CortexRpc>(cortexTopic, {
    async chooseHosts({ request }, { requestId }) {
      const choice = await chooseHosts(parts, request, requestId);
      if (isFault(choice)) return choice;
      return { hosts: choice.hosts, noHost: choice.noHost?.text ?? null };
    },
    // If the read fails, the next periodic look sees the change.
    async allocationsChanged({ nodeUuid, serverId }) {
      await follower.lookAt(nodeUuid, serverId);
      return undefined;
    },
    async choiceDropped({ serverId }) {
      parts.scheduling.inFlight.release(serverId);
      return await Promise.resolve(undefined);
    },
    async choicesChanged({ from, ...changes }) {
      if (from !== own) parts.scheduling.applyChanges(changes, parts.clock.now());
      return await Promise.resolve(undefined);
    },
  });

/** The HTTP face alone, whatever the source of the fleet. */
export const cortexFace = (parts: CortexParts): Role => ({
  name: 'cortex',
  http: [
    {
      name: 'cortex',
      serviceType: 'scheduler',
      mount: '/scheduler',
      routes: [...schedulerRoutes(parts), ...decisionRoutes(parts), ...rebalanceRoutes(parts)],
      faultStyle: cortexFaults,
      policies,
    },
  ],
  rpc: [],
  tasks: [],
  sagas: [],
});

const followFleet = ({ log, config }: CortexDeps, follower: FleetFollower): Task => ({
  name: 'cortex.follow-fleet',
  everyMs: config.followEveryMs,
  // each process has its own picture of the fleet
  scope: 'every',
  atStart: true,
  async run() {
    const outcome = await follower.poll();
    if (isFault(outcome)) log.warn({ why: outcome.message }, 'the fleet cannot be read now');
  },
});
