// The role `ha-api`: receives the heartbeats of hosts, and lets operators see and steer the engine.
// Any number of processes may run it on one database. Created by compose.
import type { FaultStyle } from '#openstack/http/route.ts';
import type { Role } from '#openstack/role.ts';
import type { HaApiDeps } from '../deps.ts';
import { heartbeatRoutes } from './heartbeats.ts';
import { hypervisorRoutes } from './hypervisors.ts';
import { masakariFace } from './masakari/face.ts';
import { policies } from './policies.ts';

const faultStyle: FaultStyle = {
  body: (status, { message }) => ({ error: { code: status, message } }),
};

export const createHaApi = (deps: HaApiDeps): Role => ({
  name: 'ha-api',
  http: [
    {
      name: 'ha',
      serviceType: 'instance-ha',
      mount: '/ha',
      routes: [...heartbeatRoutes(deps), ...hypervisorRoutes(deps)],
      faultStyle,
      policies,
      // A heartbeat lists all guests of its host.
      maxBodyBytes: 1024 * 1024,
    },
    masakariFace(deps),
  ],
  rpc: [],
  tasks: [],
  sagas: [],
});
