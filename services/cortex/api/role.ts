// The role `cortex`: says where servers go, to Nova's scheduler and to any other that asks in the
// form of the external scheduler's call. It has the whole fleet in memory; any number of processes
// may run it, each with its own picture, since what decides in the end is the claim in Placement.
// Called by compose.
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
  /** For what else tells of hosts: follow-hypervisors.ts. */
  picture: Pick<FleetFollower, 'noteHypervisor'>;
  /** Who is told of decisions; one at a time. */
  recordTo(note: CortexParts['noteDecision']): void;
  /** For what tells of pipelines: follow-pipelines.ts. */
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
    tellOthers: async (changes, requestId) =>
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

/** `own`: the name of this process among those that say what they hold. */
const rpcOf = (parts: CortexParts, follower: FleetFollower, own: string): RpcServer =>
  rpcServer<CortexRpc>(cortexTopic, {
    async chooseHosts({ request }, { requestId }) {
      const choice = await chooseHosts(parts, request, requestId);
      if (isFault(choice)) return choice;
      return { hosts: choice.hosts, noHost: choice.noHost?.text ?? null };
    },
    // A fault: the next look sees the change.
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

/** What it answers, apart from where it knows the fleet from. */
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
  // each process has a picture of its own
  scope: 'every',
  atStart: true,
  async run() {
    const outcome = await follower.look();
    if (isFault(outcome)) log.warn({ why: outcome.message }, 'the fleet cannot be read now');
  },
});
