// Glance's routes for coverage.test.ts, by what a member of another project may see.
import type { OwnCase, RouteCases } from './case.ts';

const image = '/v2/images/:id';
const bytes: OwnCase = { headers: { 'content-type': 'application/octet-stream' }, body: 'x' };

export const glance: RouteCases = {
  mount: '/image',
  own: {
    [`GET ${image}`]: {},
    [`PATCH ${image}`]: {
      headers: { 'content-type': 'application/openstack-images-v2.1-json-patch' },
      body: [{ op: 'replace', path: '/min_ram', value: 1 }],
    },
    [`GET ${image}/file`]: {},
    [`PUT ${image}/file`]: bytes,
    [`PUT ${image}/stage`]: bytes,
    [`POST ${image}/import`]: { body: { method: { name: 'glance-direct' } } },
    [`GET ${image}/tasks`]: {},
    [`PUT ${image}/tags/:tag`]: {},
    [`DELETE ${image}/tags/:tag`]: {},
    [`POST ${image}/members`]: { body: { member: 'a-third-project' } },
    [`GET ${image}/members`]: {},
    [`GET ${image}/members/:member`]: {},
    // 403: only the member project may accept a shared image, not its owner.
    [`PUT ${image}/members/:member`]: { body: { status: 'accepted' }, alice: 403 },
    [`DELETE ${image}/members/:member`]: {},
    [`POST ${image}/actions/deactivate`]: {},
    [`POST ${image}/actions/reactivate`]: {},
    [`DELETE ${image}`]: {},
  },
  adminsOnly: ['GET /v2/info/stores/detail', 'GET /v2/tasks'],
  nobodys: {
    'version documents, the same for all': ['GET /', 'GET /versions', 'GET /v2'],
    'schemas and facts of the cloud, the same for all': [
      'GET /v2/schemas/{image,images,member,members,task,tasks}',
      'GET /v2/info/{import,stores}',
    ],
    'lists what the caller may see': ['GET /v2/images'],
    "makes one of the caller's own": ['POST /v2/images'],
  },
};
