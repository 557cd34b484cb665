// Nova's routes by what a member of another project may see.
import { removedRoutes } from '#services/nova/api/removed.ts';
import { hidden } from '../api-cloud.ts';
import type { RouteCases } from './case.ts';

const server = '/v2.1/servers/:id';
const image = '/v2.1/images/:id';

export const nova: RouteCases = {
  mount: '/compute',
  own: {
    [`GET ${server}`]: {},
    [`PUT ${server}`]: { body: { server: { name: hidden } } },
    [`POST ${server}/action`]: { body: { lock: null } },
    [`POST ${server}/remote-consoles`]: {
      body: { remote_console: { protocol: 'vnc', type: 'novnc' } },
      alice: 503,
    }, // a simulated guest has no screen
    [`GET ${server}/ips`]: {},
    [`GET ${server}/ips/:network`]: {},
    [`GET ${server}/os-server-password`]: {},
    [`DELETE ${server}/os-server-password`]: {},
    [`GET ${server}/os-security-groups`]: {},
    [`GET ${server}/os-volume_attachments`]: {},
    // Alice's server has no volume, and her volume is reserved for another server: the call is
    // refused for that.
    [`POST ${server}/os-volume_attachments`]: {
      body: (_alice, objects) => ({
        volumeAttachment: { volumeId: objects.get('/volume/v3/volumes/:id') ?? '' },
      }),
      alice: 400,
    },
    [`GET ${server}/os-volume_attachments/:volume`]: { alice: 404 },
    [`PUT ${server}/os-volume_attachments/:volume`]: {
      body: (_alice, objects) => ({
        volumeAttachment: { volumeId: objects.get('/volume/v3/volumes/:id') ?? '' },
      }),
      alice: 404,
    },
    [`DELETE ${server}/os-volume_attachments/:volume`]: { alice: 404 },
    [`GET ${server}/os-interface`]: {},
    [`GET ${server}/os-interface/:port`]: {},
    [`POST ${server}/os-interface`]: {
      body: (_alice, objects) => ({
        interfaceAttachment: { net_id: objects.get('own network') ?? '' },
      }),
    },
    [`DELETE ${server}/os-interface/:port`]: {},
    [`GET ${server}/metadata`]: {},
    [`POST ${server}/metadata`]: { body: { metadata: { colour: hidden } } },
    [`PUT ${server}/metadata`]: { body: { metadata: { colour: hidden } } },
    [`GET ${server}/metadata/:key`]: {},
    [`PUT ${server}/metadata/:key`]: { body: { meta: { colour: hidden } } },
    [`DELETE ${server}/metadata/:key`]: {},
    [`GET ${server}/tags`]: {},
    [`PUT ${server}/tags`]: { body: { tags: ['blue'] } },
    [`GET ${server}/tags/:tag`]: {},
    [`PUT ${server}/tags/:tag`]: {},
    [`DELETE ${server}/tags/:tag`]: {},
    [`DELETE ${server}/tags`]: {},
    [`GET ${server}/os-instance-actions`]: {},
    [`GET ${server}/os-instance-actions/:request`]: {},
    [`DELETE ${server}`]: {},
    'GET /v2.1/os-security-groups/:group': {},
    'PUT /v2.1/os-security-groups/:group': {
      body: { security_group: { name: hidden } },
      alice: 400,
    }, // it is her default one
    'POST /v2.1/os-security-group-rules': {
      body: (_alice, objects) => ({
        security_group_rule: {
          parent_group_id: objects.get(':group') ?? '',
          ip_protocol: 'tcp',
          from_port: 7,
          to_port: 7,
        },
      }),
    },
    'DELETE /v2.1/os-security-group-rules/:group': { alice: 404 },
    'DELETE /v2.1/os-security-groups/:group': { alice: 400 },
    'GET /v2.1/os-floating-ips/:id': {},
    'DELETE /v2.1/os-floating-ips/:id': {},
    'GET /v2.1/os-networks/:id': {},
    'GET /v2.1/os-tenant-networks/:id': {},
    'GET /v2.1/flavors/:id': {}, // a private one that Alice's project may use
    'GET /v2.1/flavors/:id/os-extra_specs': {},
    'GET /v2.1/flavors/:id/os-extra_specs/:key': {},
    'GET /v2.1/os-keypairs/:name': {},
    'DELETE /v2.1/os-keypairs/:name': {},
    'POST /v2.1/os-snapshots': {
      body: (_alice, objects) => ({
        snapshot: { volume_id: objects.get('volume with a snapshot') ?? '' },
      }),
    },
    'GET /v2.1/os-snapshots/:id': {},
    'DELETE /v2.1/os-snapshots/:id': {},
    'GET /v2.1/os-volumes/:id': {},
    'DELETE /v2.1/os-volumes/:id': {},
    [`GET ${image}`]: {},
    [`GET ${image}/metadata`]: {},
    [`POST ${image}/metadata`]: { body: { metadata: { colour: hidden } } },
    [`PUT ${image}/metadata`]: { body: { metadata: { colour: hidden } } },
    [`GET ${image}/metadata/:key`]: {},
    [`PUT ${image}/metadata/:key`]: { body: { meta: { colour: hidden } } },
    [`DELETE ${image}/metadata/:key`]: {},
    [`DELETE ${image}`]: {},
    'GET /v2.1/os-quota-sets/:id': { bob: 403 },
    'GET /v2.1/os-quota-sets/:id/detail': { bob: 403 },
    'GET /v2.1/os-simple-tenant-usage/:id': { bob: 403 },
  },
  adminsOnly: [
    `GET ${server}/diagnostics`,
    'POST /v2.1/flavors',
    '{PUT,DELETE} /v2.1/flavors/:id',
    'POST /v2.1/flavors/:id/os-extra_specs',
    '{PUT,DELETE} /v2.1/flavors/:id/os-extra_specs/:key',
    'GET /v2.1/flavors/:id/os-flavor-access',
    'POST /v2.1/flavors/:id/action',
    'GET /v2.1/os-availability-zone/detail',
    '{GET,POST} /v2.1/os-aggregates',
    '{GET,PUT,DELETE} /v2.1/os-aggregates/:id',
    'POST /v2.1/os-aggregates/:id/action',
    'POST /v2.1/os-server-external-events',
    'POST /v2.1/os-assisted-volume-snapshots',
    'DELETE /v2.1/os-assisted-volume-snapshots/:id',
    'GET /v2.1/os-hosts',
    '{GET,PUT} /v2.1/os-hosts/:host',
    'GET /v2.1/os-hosts/:host/{startup,shutdown,reboot}',
    'GET /v2.1/os-services',
    '{PUT,DELETE} /v2.1/os-services/:id',
    'GET /v2.1/os-hypervisors',
    'GET /v2.1/os-hypervisors/{detail,statistics,:id}',
    'GET /v2.1/os-hypervisors/:id/{uptime,search,servers}',
    '{PUT,DELETE} /v2.1/os-quota-sets/:id',
    '{GET,PUT} /v2.1/os-quota-class-sets/:id',
    'GET /v2.1/os-simple-tenant-usage',
  ],
  nobodys: {
    'version documents, the same for all': ['GET /', 'GET /v2', 'GET /v2.1'],
    "lists the own project's or user's": [
      'GET /v2.1/servers',
      'GET /v2.1/servers/detail',
      'GET /v2.1/os-keypairs',
      'GET /v2.1/flavors',
      'GET /v2.1/flavors/detail',
      'GET /v2.1/images',
      'GET /v2.1/images/detail',
      'GET /v2.1/os-volumes',
      'GET /v2.1/os-volumes/detail',
      'GET /v2.1/os-snapshots',
      'GET /v2.1/os-snapshots/detail',
      'GET /v2.1/limits',
      'GET /v2.1/os-security-groups',
      'GET /v2.1/os-floating-ips',
      'GET /v2.1/os-networks',
      'GET /v2.1/os-tenant-networks',
    ],
    "makes one of the caller's own": [
      'POST /v2.1/servers',
      'POST /v2.1/os-keypairs',
      'POST /v2.1/os-volumes',
      'POST /v2.1/os-security-groups',
      'POST /v2.1/os-floating-ips',
    ],
    'facts of the cloud, the same for all': [
      'GET /v2.1/os-availability-zone',
      'GET /v2.1/os-floating-ip-pools',
      'GET /v2.1/extensions',
      'GET /v2.1/extensions/:alias',
      'GET /v2.1/os-quota-sets/:id/defaults',
    ],
    'removed upstream, 410 for everybody': removedRoutes.map(
      ({ method, path }) => `${method} ${path}`,
    ),
  },
};
