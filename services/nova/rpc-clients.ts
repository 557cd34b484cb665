// RPC clients for Nova's roles and agents; the guarantees of each call are documented in
// contracts/nova.
import type { ComputeAgentRpc } from '#contracts/nova/compute-agent-rpc.ts';
import { computeTopic } from '#contracts/nova/compute-agent-rpc.ts';
import type { ConductorRpc } from '#contracts/nova/conductor-rpc.ts';
import { conductorTopic } from '#contracts/nova/conductor-rpc.ts';
import type { SchedulerRpc } from '#contracts/nova/scheduler-rpc.ts';
import { schedulerTopic } from '#contracts/nova/scheduler-rpc.ts';
import type { RpcClient } from '#platform/bus/contract.ts';
import { rpcClient } from '#platform/bus/contract.ts';
import type { NovaDeps } from './deps.ts';

type Deps = Pick<NovaDeps, 'bus'>;

/** Client for the agent of one host. */
export const agentOn = ({ bus }: Deps, host: string): RpcClient<ComputeAgentRpc> =>
  rpcClient<ComputeAgentRpc>(bus, computeTopic(host));

export const conductorClient = ({ bus }: Deps): RpcClient<ConductorRpc> =>
  rpcClient<ConductorRpc>(bus, conductorTopic);

export const schedulerClient = ({ bus }: Deps): RpcClient<SchedulerRpc> =>
  rpcClient<SchedulerRpc>(bus, schedulerTopic);
