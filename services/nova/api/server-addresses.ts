// A server's addresses, from the network info cache.
import { fault } from '#contracts/common/fault.ts';
import type { Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import type { NovaDeps } from '../deps.ts';
import { ofServer } from './request.ts';
import { plainAddresses } from './views/server.ts';

const path = '/v2.1/servers/:id/ips';

export const addressRoutes = (deps: NovaDeps): readonly Route[] => [
  route('GET', path, {
    policy: 'os_compute_api:ips:index',
    faults: ['notFound'],
    handler: ofServer(deps, (_, server) => ({
      status: 200,
      body: { addresses: plainAddresses(server) },
    })),
  }),
  route('GET', `${path}/:network`, {
    policy: 'os_compute_api:ips:show',
    faults: ['notFound'],
    handler: ofServer(deps, async (request, server) => {
      const label = request.params['network'] ?? '';
      const all = plainAddresses(server);
      const addresses = Object.hasOwn(all, label) ? all[label] : undefined;
      return addresses
        ? { status: 200, body: { [label]: addresses } }
        : fault('notFound', 'Instance is not a member of specified network');
    }),
  }),
];
