// The version documents, for discovery.
import type { Json } from '#contracts/common/json.ts';
import type { Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';

// There is no 2.14: it was never released.
const minors = [15, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0];

const document = (baseUrl: string): Json => ({
  versions: minors.map((minor, at) => ({
    id: `v2.${minor}`,
    status: at === 0 ? 'CURRENT' : 'SUPPORTED',
    links: [{ rel: 'self', href: `${baseUrl}/v2/` }],
  })),
});

const versionRoute = (path: string, status: number): Route =>
  route('GET', path, {
    auth: 'none',
    unversioned: true,
    policy: null,
    handler: ({ baseUrl }) => ({ status, body: document(baseUrl) }),
  });

export const versionRoutes: readonly Route[] = [
  versionRoute('/', 300),
  versionRoute('/versions', 200),
  versionRoute('/v2', 300),
];
