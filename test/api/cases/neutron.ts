// Neutron's routes for coverage.test.ts. Objects belong to projects; lists and creations name none.
import type { OwnCase, RouteCases } from './case.ts';

const at = '/v2.0';
const kinds: readonly [collection: string, singular: string][] = [
  ['floatingips', 'floatingip'],
  ['ports', 'port'],
  ['routers', 'router'],
  ['subnets', 'subnet'],
  ['networks', 'network'],
  ['subnetpools', 'subnetpool'],
  ['security-groups', 'security_group'],
];
const one = ([collection, singular]: readonly [string, string]): string =>
  `${at}/${collection}/:${singular}_id`;
const rows = (
  method: string,
  path: (kind: readonly [string, string]) => string,
  own: (singular: string) => OwnCase = () => ({}),
): Record<string, OwnCase> =>
  Object.fromEntries(kinds.map((kind) => [`${method} ${path(kind)}`, own(kind[1])]));

const router = `${at}/routers/:router_id`;
const rule = `${at}/security-group-rules/:security_group_rule_id`;
const extraRoutes: OwnCase = { body: { router: { routes: [] } } };

export const neutron: RouteCases = {
  mount: '/network',
  own: {
    ...rows('GET', one),
    [`GET ${rule}`]: {},
    ...rows('GET', (kind) => `${one(kind)}/tags`),
    ...rows('PUT', (kind) => `${one(kind)}/tags/:tag`),
    ...rows('GET', (kind) => `${one(kind)}/tags/:tag`),
    ...rows('DELETE', (kind) => `${one(kind)}/tags/:tag`),
    ...rows(
      'PUT',
      (kind) => `${one(kind)}/tags`,
      () => ({ body: { tags: ['blue'] } }),
    ),
    ...rows('DELETE', (kind) => `${one(kind)}/tags`),
    ...rows('PUT', one, (singular) => ({ body: { [singular]: { description: 'changed' } } })),
    [`PUT ${router}/add_router_interface`]: {
      body: (_alice, objects) => ({ subnet_id: objects.get('spare subnet') ?? '' }),
    },
    [`PUT ${router}/remove_router_interface`]: {
      body: (_alice, objects) => ({ subnet_id: objects.get('spare subnet') ?? '' }),
    },
    [`PUT ${router}/add_extraroutes`]: extraRoutes,
    [`PUT ${router}/remove_extraroutes`]: extraRoutes,
    [`GET ${at}/quotas/:project_id`]: { bob: 403 },
    [`GET ${at}/quotas/:project_id/default`]: { bob: 403 },
    [`GET ${at}/quotas/:project_id/details`]: { bob: 403 },
    [`GET ${at}/quotas/:project_id/details.json`]: { bob: 403 },
    [`GET ${at}/auto-allocated-topology/:project_id`]: { bob: 403 },
    [`DELETE ${at}/auto-allocated-topology/:project_id`]: { bob: 403 },
    [`DELETE ${rule}`]: {},
    ...rows('DELETE', one),
  },
  adminsOnly: [
    `{GET,POST} ${at}/ports/:port_id/bindings`,
    `{GET,PUT,DELETE} ${at}/ports/:port_id/bindings/:host`,
    `PUT ${at}/ports/:port_id/bindings/:host/activate`,
    `GET ${at}/quotas`,
    `{PUT,DELETE} ${at}/quotas/:project_id`,
    `{GET,PUT,DELETE} ${at}/agents/:agent_id`,
    `GET ${at}/network-ip-availabilities`,
    `GET ${at}/network-ip-availabilities/:network_id`,
  ],
  nobodys: {
    'the version documents, the same for all': ['GET /', `GET ${at}`],
    'lists of what the caller may see': [
      `GET ${at}/{floatingips,ports,routers,subnets,networks,subnetpools,security-groups,security-group-rules,agents}`,
    ],
    "makes something of the caller's own": [
      `POST ${at}/{floatingips,ports,routers,subnets,networks,subnetpools,security-groups,security-group-rules}`,
    ],
    "names the caller's own project": [`GET ${at}/quotas/{tenant,project}`],
    'what the cloud can do, the same for all': [
      `GET ${at}/extensions`,
      `GET ${at}/extensions/:alias`,
      `GET ${at}/service-providers`,
      `GET ${at}/availability_zones`,
    ],
  },
};
