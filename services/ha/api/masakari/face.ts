// masakari's API (instance HA), for stock clients: `openstack segment`, `openstack notification`.
// https://docs.openstack.org/api-ref/instance-ha/
import type { Json } from '#contracts/common/json.ts';
import { namedFaultBody } from '#openstack/http/named-fault.ts';
import type { HttpFace, Microversions, Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import type { HaApiDeps } from '../../deps.ts';
import { masakariPolicies } from '../policies.ts';
import { notificationRoutes } from './notifications.ts';
import { segmentHostRoutes } from './segment-hosts.ts';
import { segmentRoutes } from './segments.ts';

/**
 * Since 1.1 notifications show the progress of a recovery, since 1.2 segments can be disabled,
 * since 1.3 there are vmoves.
 */
const microversions: Microversions = { type: 'instance-ha', major: 1, min: 0, max: 3 };

const version = (baseUrl: string): Record<string, Json> => ({
  id: 'v1.0',
  status: 'CURRENT',
  version: `1.${microversions.max}`,
  min_version: `1.${microversions.min}`,
  updated: '2016-07-01T11:33:21Z',
  links: [{ rel: 'self', href: `${baseUrl}/v1/` }],
});

const open = { auth: 'none', unversioned: true, policy: null } as const;

const versionRoutes: readonly Route[] = [
  route('GET', '/', {
    ...open,
    handler: ({ baseUrl }) => ({ status: 200, body: { versions: [version(baseUrl)] } }),
  }),
  route('GET', '/v1', {
    ...open,
    handler: ({ baseUrl }) => ({ status: 200, body: { version: version(baseUrl) } }),
  }),
];

export const masakariFace = (deps: HaApiDeps): HttpFace => ({
  name: 'masakari',
  serviceType: 'instance-ha',
  mount: '/instance-ha',
  routes: [
    ...versionRoutes,
    ...segmentRoutes(deps),
    ...segmentHostRoutes(deps),
    ...notificationRoutes(deps),
  ],
  faultStyle: { body: namedFaultBody },
  microversions,
  policies: masakariPolicies,
});
