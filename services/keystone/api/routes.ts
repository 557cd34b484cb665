// Every route of Keystone.
import type { Route } from '#platform/http/api.ts';
import { applicationCredentialRoutes } from '#services/keystone/api/application-credentials.ts';
import { catalogRoutes } from '#services/keystone/api/catalog.ts';
import { consumerRoutes } from '#services/keystone/api/consumers.ts';
import { credentialRoutes } from '#services/keystone/api/credentials.ts';
import { domainConfigRoutes } from '#services/keystone/api/domain-config.ts';
import { domainRoutes } from '#services/keystone/api/domains.ts';
import { endpointFilterRoutes } from '#services/keystone/api/endpoint-filter.ts';
import { grantRoutes } from '#services/keystone/api/grants.ts';
import { groupRoutes } from '#services/keystone/api/groups.ts';
import { limitRoutes } from '#services/keystone/api/limits.ts';
import { policyDocumentRoutes } from '#services/keystone/api/policy-documents.ts';
import { projectRoutes } from '#services/keystone/api/projects.ts';
import { roleAssignmentRoutes } from '#services/keystone/api/role-assignments.ts';
import { roleRoutes } from '#services/keystone/api/roles.ts';
import { tokenRoutes } from '#services/keystone/api/tokens.ts';
import { trustRoutes } from '#services/keystone/api/trusts.ts';
import { userRoutes } from '#services/keystone/api/users.ts';
import { versionRoutes } from '#services/keystone/api/versions.ts';
import type { Keystone } from '#services/keystone/keystone.ts';

export function keystoneRoutes(k: Keystone): Route[] {
  const all = [
    ...versionRoutes(),
    ...tokenRoutes(k),
    ...domainRoutes(k),
    ...projectRoutes(k),
    ...userRoutes(k),
    ...groupRoutes(k),
    ...roleRoutes(k),
    ...grantRoutes(k),
    ...roleAssignmentRoutes(k),
    ...catalogRoutes(k),
    ...applicationCredentialRoutes(k),
    ...credentialRoutes(k),
    ...trustRoutes(k),
    ...policyDocumentRoutes(k),
    ...limitRoutes(k),
    ...domainConfigRoutes(k),
    ...endpointFilterRoutes(k),
    ...consumerRoutes(k),
  ];
  return all.map((route) => beginningEpoch(k, route));
}

/**
 * Any write may end or widen a right, so that every remembered token check is forgotten. Issuing a
 * token is none.
 */
function beginningEpoch(k: Keystone, route: Route): Route {
  const reads =
    route.method === 'GET' ||
    route.method === 'HEAD' ||
    (route.method === 'POST' && route.path === '/v3/auth/tokens');
  if (reads) return route;
  return {
    ...route,
    async handler(request) {
      try {
        return await route.handler(request);
      } finally {
        k.tokens.beginEpoch();
      }
    },
  };
}
