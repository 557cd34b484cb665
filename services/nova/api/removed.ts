// Routes that upstream removed from the API. They answer 410 Gone rather than 404, so that a client
// learns that it need not look for them elsewhere.
// https://docs.openstack.org/api-ref/compute/#obsolete-apis; nova.api.openstack.wsgi, removed
import { fault } from '#contracts/common/fault.ts';
import type { Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import type { HttpMethod } from '#platform/http/messages.ts';
import type { ServerActionRow } from './server-actions/action.ts';

const goneFault = () =>
  fault('gone', 'This resource is no longer available. No forwarding address is given.');

const removedPaths: readonly (readonly [path: string, methods: readonly HttpMethod[]])[] = [
  ['os-agents', ['GET', 'POST']],
  ['os-agents/:id', ['PUT', 'DELETE']],
  ['os-cells', ['GET', 'POST']],
  ['os-cells/detail', ['GET']],
  ['os-cells/info', ['GET']],
  ['os-cells/capacities', ['GET']],
  ['os-cells/sync_instances', ['POST']],
  ['os-cells/:id', ['GET', 'PUT', 'DELETE']],
  ['os-cells/:id/capacities', ['GET']],
  ['os-certificates', ['POST']],
  ['os-certificates/:id', ['GET']],
  ['os-cloudpipe', ['GET', 'POST']],
  ['os-cloudpipe/:id', ['PUT']],
  ['os-fixed-ips/:id', ['GET']],
  ['os-fixed-ips/:id/action', ['POST']],
  ['os-floating-ip-dns', ['GET']],
  ['os-floating-ip-dns/:domain', ['PUT', 'DELETE']],
  ['os-floating-ip-dns/:domain/entries/:id', ['GET', 'PUT', 'DELETE']],
  ['os-floating-ips-bulk', ['GET', 'POST']],
  ['os-floating-ips-bulk/:id', ['GET', 'PUT']],
  ['os-fping', ['GET']],
  ['os-fping/:id', ['GET']],
  ['os-networks', ['POST']],
  ['os-networks/add', ['POST']],
  ['os-networks/:id', ['DELETE']],
  ['os-networks/:id/action', ['POST']],
  ['os-tenant-networks', ['POST']],
  ['os-tenant-networks/:id', ['DELETE']],
  ['os-security-group-default-rules', ['GET', 'POST']],
  ['os-security-group-default-rules/:id', ['GET', 'DELETE']],
  ['servers/:id/consoles', ['GET', 'POST']],
  ['servers/:id/consoles/:console', ['GET', 'DELETE']],
  ['servers/:id/os-virtual-interfaces', ['GET']],
];

export const removedRoutes: readonly Route[] = removedPaths.flatMap(([path, methods]) =>
  methods.map((method) =>
    route(method, `/v2.1/${path}`, { policy: null, faults: ['gone'], handler: goneFault }),
  ),
);

export const removedActions: readonly ServerActionRow[] = ['resetNetwork', 'injectNetworkInfo'].map(
  (key) => ({ key, policy: null, faults: ['gone'], handler: async () => goneFault() }),
);
