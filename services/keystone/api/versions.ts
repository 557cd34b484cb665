// The version documents; no token needed.
import type { JsonObject } from '#contracts/common/json.ts';
import { route, type ApiRequest, type Route } from '#openstack/http/route.ts';
import { urlOf } from './replies.ts';

export function versionRoutes(): Route[] {
  const document = (request: ApiRequest<unknown>): JsonObject => ({
    id: 'v3.14',
    status: 'stable',
    updated: '2020-04-07T00:00:00Z',
    links: [{ rel: 'self', href: urlOf(request, '') }],
    'media-types': [
      { base: 'application/json', type: 'application/vnd.openstack.identity-v3+json' },
    ],
  });
  return [
    route('GET', '/', {
      auth: 'none',
      policy: null,
      handler: (request) => ({ status: 300, body: { versions: { values: [document(request)] } } }),
    }),
    route('GET', '/v3', {
      auth: 'none',
      policy: null,
      handler: (request) => ({ status: 200, body: { version: document(request) } }),
    }),
  ];
}
