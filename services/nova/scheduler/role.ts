// The role nova-scheduler: chooses a host for a server and claims its resources at Placement.
import type { SchedulerRpc } from '#contracts/nova/scheduler-rpc.ts';
import { schedulerTopic } from '#contracts/nova/scheduler-rpc.ts';
import type { Role } from '#openstack/role.ts';
import { rpcServer } from '#platform/bus/contract.ts';
import type { NovaDeps } from '../deps.ts';
import { reportService } from '../report-service.ts';
import { createScheduling } from './schedule-server.ts';

export function createNovaScheduler(deps: NovaDeps): Role {
  const schedule = createScheduling(deps);
  return {
    name: 'nova-scheduler',
    http: [],
    rpc: [
      rpcServer<SchedulerRpc>(schedulerTopic, {
        selectHost: async (params, request) => await schedule(params, request),
      }),
    ],
    tasks: [reportService(deps, 'nova-scheduler')],
    sagas: [],
  };
}
