// A server's addresses, from the network info cache.
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import type { NovaDeps } from '../deps.ts';
import { requestedServer } from './request.ts';
import { plainAddresses } from './views/server.ts';

const path = '/v2.1/servers/:id/ips';

export const addressRoutes = (deps: NovaDeps): readonly Route[] => [
  route({
    method: 'GET',
    path,
    policy: 'os_compute_api:ips:index',
    faults: ['notFound'],
    handler: async (request) => {
      const server = await requestedServer(deps, request);
      return isFault(server)
        ? server
        : { status: 200, body: { addresses: plainAddresses(server) } };
    },
  }),
  route({
    method: 'GET',
    path: `${path}/:network`,
    policy: 'os_compute_api:ips:show',
    faults: ['notFound'],
    handler: async (request) => {
      const server = await requestedServer(deps, request);
      if (isFault(server)) return server;
      const label = request.params['network'] ?? '';
      const all = plainAddresses(server);
      const addresses = Object.hasOwn(all, label) ? all[label] : undefined;
      return addresses
        ? { status: 200, body: { [label]: addresses } }
        : fault('notFound', 'Instance is not a member of specified network');
    },
  }),
];
