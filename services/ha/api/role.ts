// The role `ha-api`: takes the heartbeats of hosts, and shows and steers what the engine does. Any
// number of processes may run it on one database. Called by compose.
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
      // heartbeats list the host's guests
      maxBodyBytes: 1024 * 1024,
    },
    masakariFace(deps),
  ],
  rpc: [],
  tasks: [],
  sagas: [],
});
