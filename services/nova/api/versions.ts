// Version documents, by which clients discover the API's microversions, shaped like stock Nova's
// answers to GET / and GET /v2.1/.
import type { Json } from '#contracts/common/json.ts';
import type { Microversions, Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';

export const microversions: Microversions = {
  type: 'compute',
  legacyHeader: 'x-openstack-nova-api-version',
  major: 2,
  min: 1,
  max: 96,
};

const entry = (baseUrl: string, id: 'v2.0' | 'v2.1'): { [key: string]: Json } =>
  id === 'v2.0'
    ? {
        id,
        status: 'SUPPORTED',
        version: '',
        min_version: '',
        updated: '2011-01-21T11:33:21Z',
        links: [{ rel: 'self', href: `${baseUrl}/v2/` }],
      }
    : {
        id,
        status: 'CURRENT',
        version: `2.${microversions.max}`,
        min_version: `2.${microversions.min}`,
        updated: '2013-07-23T11:33:21Z',
        links: [{ rel: 'self', href: `${baseUrl}/v2.1/` }],
      };

const document = (baseUrl: string, id: 'v2.0' | 'v2.1'): Json => {
  const version = entry(baseUrl, id);
  const type = `application/vnd.openstack.compute+json;version=${id.slice(1) === '2.0' ? '2' : '2.1'}`;
  return {
    version: {
      ...version,
      links: [
        ...(version['links'] as Json[]),
        { rel: 'describedby', type: 'text/html', href: 'http://docs.openstack.org/' },
      ],
      'media-types': [{ base: 'application/json', type }],
    },
  };
};

const open = { auth: 'none', unversioned: true, policy: null } as const;

export const versionRoutes: readonly Route[] = [
  route('GET', '/', {
    ...open,
    handler: ({ baseUrl }) => ({
      status: 200,
      body: { versions: [entry(baseUrl, 'v2.0'), entry(baseUrl, 'v2.1')] },
    }),
  }),
  route('GET', '/v2', {
    ...open,
    handler: ({ baseUrl }) => ({ status: 200, body: document(baseUrl, 'v2.0') }),
  }),
  route('GET', '/v2.1', {
    ...open,
    handler: ({ baseUrl }) => ({ status: 200, body: document(baseUrl, 'v2.1') }),
  }),
];
