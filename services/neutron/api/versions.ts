// The version documents, shaped like stock Neutron's answers to GET / and GET /v2.0/.
import type { Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import { resources } from './resources.ts';

export const versionRoutes: readonly Route[] = [
  route('GET', '/', {
    auth: 'none',
    policy: null,
    handler: ({ baseUrl }) => ({
      status: 200,
      body: {
        versions: [
          { id: 'v2.0', status: 'CURRENT', links: [{ rel: 'self', href: `${baseUrl}/v2.0/` }] },
        ],
      },
    }),
  }),
  route('GET', '/v2.0', {
    policy: 'get_version',
    handler: ({ baseUrl }) => ({
      status: 200,
      body: {
        resources: resources.map(({ singular, collection }) => ({
          name: singular,
          collection,
          links: [{ rel: 'self', href: `${baseUrl}/v2.0/${collection.replaceAll('_', '-')}` }],
        })),
      },
    }),
  }),
];
