// Nova's routes by what a member of another project may see of them.
import type { RouteCases } from './case.ts';
import { hidden } from '../api-cloud.ts';

const server = '/v2.1/servers/:id';

export const nova: RouteCases = {
  mount: '/compute',
  own: {
    [`GET ${server}`]: {},
    [`PUT ${server}`]: { body: { server: { name: hidden } } },
    [`POST ${server}/action`]: { body: { lock: null } },
    [`POST ${server}/remote-consoles`]: { body: { remote_console: { protocol: 'vnc', type: 'novnc' } }, alice: 503 }, // a simulated guest has no screen
    [`GET ${server}/ips`]: {},
    [`GET ${server}/ips/:network`]: {},
    [`GET ${server}/os-server-password`]: {},
    [`DELETE ${server}/os-server-password`]: {},
    [`GET ${server}/os-security-groups`]: {},
    [`GET ${server}/os-volume_attachments`]: {},
    // Alice's server has no volume, and her volume is reserved for another: she is told so.
    [`POST ${server}/os-volume_attachments`]: { body: (_alice, objects) => ({ volumeAttachment: { volumeId: objects.get('/volume/v3/volumes/:id') ?? '' } }), alice: 400 },
    [`GET ${server}/os-volume_attachments/:volume`]: { alice: 404 },
    [`PUT ${server}/os-volume_attachments/:volume`]: { body: (_alice, objects) => ({ volumeAttachment: { volumeId: objects.get('/volume/v3/volumes/:id') ?? '' } }), alice: 404 },
    [`DELETE ${server}/os-volume_attachments/:volume`]: { alice: 404 },
    [`GET ${server}/os-interface`]: {},
    [`GET ${server}/os-interface/:port`]: {},
    [`POST ${server}/os-interface`]: { body: (_alice, objects) => ({ interfaceAttachment: { net_id: objects.get('own network') ?? '' } }) },
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
    'GET /v2.1/flavors/:id': {}, // a private one that Alice's project may use
    'GET /v2.1/flavors/:id/os-extra_specs': {},
    'GET /v2.1/flavors/:id/os-extra_specs/:key': {},
    'GET /v2.1/os-keypairs/:name': {},
    'DELETE /v2.1/os-keypairs/:name': {},
    'GET /v2.1/os-quota-sets/:id': { bob: 403 },
    'GET /v2.1/os-quota-sets/:id/detail': { bob: 403 },
    'GET /v2.1/os-simple-tenant-usage/:id': { bob: 403 },
  },
  adminsOnly: [
    `GET ${server}/diagnostics`,
    'POST /v2.1/flavors', '{PUT,DELETE} /v2.1/flavors/:id', 'POST /v2.1/flavors/:id/os-extra_specs', '{PUT,DELETE} /v2.1/flavors/:id/os-extra_specs/:key',
    'GET /v2.1/flavors/:id/os-flavor-access', 'POST /v2.1/flavors/:id/action',
    'GET /v2.1/os-availability-zone/detail', '{GET,POST} /v2.1/os-aggregates', '{GET,PUT,DELETE} /v2.1/os-aggregates/:id', 'POST /v2.1/os-aggregates/:id/action',
    'POST /v2.1/os-server-external-events', 'POST /v2.1/os-assisted-volume-snapshots', 'DELETE /v2.1/os-assisted-volume-snapshots/:id',
    'GET /v2.1/os-services', '{PUT,DELETE} /v2.1/os-services/:id',
    'GET /v2.1/os-hypervisors', 'GET /v2.1/os-hypervisors/{detail,statistics,:id}', 'GET /v2.1/os-hypervisors/:id/{uptime,search,servers}',
    '{PUT,DELETE} /v2.1/os-quota-sets/:id', '{GET,PUT} /v2.1/os-quota-class-sets/:id', 'GET /v2.1/os-simple-tenant-usage',
  ],
  nobodys: {
    'version documents, the same for all': ['GET /', 'GET /v2', 'GET /v2.1'],
    'lists the own project\'s or user\'s': ['GET /v2.1/servers', 'GET /v2.1/servers/detail', 'GET /v2.1/os-keypairs', 'GET /v2.1/flavors', 'GET /v2.1/flavors/detail', 'GET /v2.1/limits', 'GET /v2.1/os-security-groups'],
    'makes one of the caller\'s own': ['POST /v2.1/servers', 'POST /v2.1/os-keypairs'],
    'facts of the cloud, the same for all': ['GET /v2.1/os-availability-zone', 'GET /v2.1/extensions', 'GET /v2.1/extensions/:alias', 'GET /v2.1/os-quota-sets/:id/defaults'],
  },
};
