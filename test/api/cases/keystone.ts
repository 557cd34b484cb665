// Keystone's routes for coverage.test.ts, by what a user who is only a member of another project
// may see. Others' objects are 403: Keystone checks the policy before it looks the object up.
// https://docs.openstack.org/keystone/latest/configuration/policy.html
import { hidden } from '../api-cloud.ts';
import type { OwnCase, RouteCases } from './case.ts';

const user = '/v3/users/:user_id';
const trust = '/v3/OS-TRUST/trusts/:trust_id';
const refused: OwnCase = { bob: 403 };
const subject: OwnCase = {
  bob: 403,
  headers: (_alice, objects) => ({ 'x-subject-token': objects.get('spare token') ?? '' }),
};

export const keystone: RouteCases = {
  mount: '/identity',
  own: {
    'GET /v3/auth/tokens': subject,
    'HEAD /v3/auth/tokens': subject,
    'DELETE /v3/auth/tokens': subject,
    [`GET ${user}`]: refused,
    [`GET ${user}/projects`]: refused,
    [`GET ${user}/groups`]: refused,
    'GET /v3/projects/:project_id': refused,
    'GET /v3/projects/:project_id/tags': refused,
    'GET /v3/projects/:project_id/tags/:tag': refused,
    'HEAD /v3/projects/:project_id/tags/:tag': refused,
    [`GET ${user}/application_credentials`]: refused,
    [`POST ${user}/application_credentials`]: {
      bob: 403,
      body: { application_credential: { name: 'another' } },
    },
    [`GET ${user}/application_credentials/:id`]: refused,
    [`DELETE ${user}/application_credentials/:id`]: refused,
    [`GET ${user}/access_rules`]: refused,
    [`GET ${user}/access_rules/:id`]: refused,
    [`DELETE ${user}/access_rules/:id`]: refused,
    'GET /v3/credentials/:credential_id': refused,
    'PATCH /v3/credentials/:credential_id': { bob: 403, body: { credential: { blob: hidden } } },
    'DELETE /v3/credentials/:credential_id': refused,
    [`GET ${user}/credentials/OS-EC2`]: refused,
    [`POST ${user}/credentials/OS-EC2`]: {
      bob: 403,
      body: ({ projectId }) => ({ tenant_id: projectId }),
    },
    [`GET ${user}/credentials/OS-EC2/:access`]: refused,
    [`DELETE ${user}/credentials/OS-EC2/:access`]: refused,
    'POST /v3/OS-TRUST/trusts': {
      bob: 403,
      body: ({ userId, projectId }) => ({
        trust: {
          trustor_user_id: userId,
          trustee_user_id: userId,
          impersonation: false,
          project_id: projectId,
          roles: [{ name: 'member' }],
        },
      }),
    },
    'GET /v3/OS-TRUST/trusts': { bob: 403, query: ({ userId }) => `?trustor_user_id=${userId}` },
    [`GET ${trust}`]: refused,
    [`GET ${trust}/roles`]: refused,
    [`GET ${trust}/roles/:role_id`]: refused,
    [`HEAD ${trust}/roles/:role_id`]: refused,
    [`DELETE ${trust}`]: refused,
    'GET /v3/limits/:limit_id': {},
  },
  adminsOnly: [
    '{GET,POST} /v3/{domains,projects,users,groups,roles,services,endpoints,policies}',
    '{PATCH,DELETE} /v3/{domains/:domain_id,projects/:project_id,users/:user_id}',
    '{GET,PATCH,DELETE} /v3/{groups/:group_id,roles/:role_id,services/:service_id,endpoints/:endpoint_id,policies/:policy_id}',
    '{PUT,DELETE} /v3/projects/:project_id/tags',
    '{PUT,DELETE} /v3/projects/:project_id/tags/:tag',
    'GET /v3/groups/:group_id/users',
    '{PUT,HEAD,GET,DELETE} /v3/groups/:group_id/users/:user_id',
    'GET /v3/roles/:prior_role_id/implies',
    '{PUT,GET,HEAD,DELETE} /v3/roles/:prior_role_id/implies/:implied_role_id',
    'GET /v3/role_inferences',
    'GET /v3/role_assignments',
    'GET /v3/{projects/:target_id,domains/:target_id,system}/{users,groups}/:actor_id/roles',
    '{PUT,HEAD,GET,DELETE} /v3/{projects/:target_id,domains/:target_id,system}/{users,groups}/:actor_id/roles/:role_id',
    'GET /v3/OS-INHERIT/{projects,domains}/:target_id/{users,groups}/:actor_id/roles/inherited_to_projects',
    '{PUT,HEAD,GET,DELETE} /v3/OS-INHERIT/{projects,domains}/:target_id/{users,groups}/:actor_id/roles/:role_id/inherited_to_projects',
    'POST /v3/regions',
    '{PUT,PATCH,DELETE} /v3/regions/:region_id',
    'POST /v3/{registered_limits,limits}',
    '{PATCH,DELETE} /v3/{registered_limits,limits}/:limit_id',
    'GET /v3/domains/config{,/:group,/:group/:option}/default',
    '{GET,PATCH,DELETE} /v3/domains/:domain_id/config{,/:group,/:group/:option}',
    'PUT /v3/domains/:domain_id/config',
    '{GET,POST} /v3/OS-EP-FILTER/endpoint_groups',
    '{GET,HEAD,PATCH,DELETE} /v3/OS-EP-FILTER/endpoint_groups/:group_id',
    'GET /v3/OS-EP-FILTER/endpoint_groups/:group_id/{endpoints,projects}',
    'GET /v3/OS-EP-FILTER/projects/:project_id/{endpoint_groups,endpoints}',
    'GET /v3/OS-EP-FILTER/endpoints/:endpoint_id/projects',
    '{PUT,GET,HEAD,DELETE} /v3/OS-EP-FILTER/{endpoint_groups/:other_id/projects/:project_id,projects/:project_id/endpoints/:other_id}',
    '{GET,POST} /v3/OS-OAUTH1/consumers',
    '{GET,PATCH,DELETE} /v3/OS-OAUTH1/consumers/:consumer_id',
  ],
  nobodys: {
    'version documents, the same for all': ['GET /', 'GET /v3'],
    'the password is the proof, not the token': [
      'POST /v3/auth/tokens',
      'POST /v3/users/:user_id/password',
    ],
    "tells of the caller's own token": ['GET /v3/auth/{catalog,projects,domains,system}'],
    "lists the caller's own": ['GET /v3/credentials', 'GET /v3/limits'],
    "makes one of the caller's own": ['POST /v3/credentials'],
    'facts of the cloud, the same for all': [
      'GET /v3/regions',
      'GET /v3/regions/:region_id',
      'GET /v3/limits/model',
      'GET /v3/registered_limits',
      'GET /v3/registered_limits/:limit_id',
      'GET /v3/domains/:domain_id',
    ],
  },
};
