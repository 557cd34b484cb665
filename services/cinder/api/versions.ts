// The version documents, for discovery, shaped like stock Cinder's answers to GET / and GET /v3/.
import type { Json } from '#contracts/common/json.ts';
import type { Microversions, Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';

export const microversions: Microversions = { type: 'volume', major: 3, min: 0, max: 70 };

const document = (baseUrl: string): Json => ({
  versions: [
    {
      id: 'v3.0',
      status: 'CURRENT',
      version: `3.${microversions.max}`,
      min_version: `3.${microversions.min}`,
      updated: '2022-08-31T00:00:00Z',
      links: [
        { rel: 'describedby', type: 'text/html', href: 'https://docs.openstack.org/' },
        { rel: 'self', href: `${baseUrl}/v3/` },
      ],
      'media-types': [
        { base: 'application/json', type: 'application/vnd.openstack.volume+json;version=3' },
      ],
    },
  ],
});

const open = { auth: 'none', unversioned: true, policy: null } as const;

export const versionRoutes: readonly Route[] = [
  route('GET', '/', {
    ...open,
    handler: ({ baseUrl }) => ({ status: 300, body: document(baseUrl) }),
  }),
  route('GET', '/v3', {
    ...open,
    handler: ({ baseUrl }) => ({ status: 200, body: document(baseUrl) }),
  }),
];
