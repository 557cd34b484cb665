// Every route of Keystone.
import type { Route } from '#openstack/http/route.ts';
import { accessRuleRoutes } from './access-rules.ts';
import { applicationCredentialRoutes } from './application-credentials.ts';
import { tokenRoutes } from './auth.ts';
import { consumerRoutes } from './consumers.ts';
import { credentialRoutes } from './credentials.ts';
import { domainConfigRoutes } from './domain-config.ts';
import { domainRoutes } from './domains.ts';
import { endpointFilterRoutes } from './endpoint-filter.ts';
import { endpointRoutes } from './endpoints.ts';
import { grantRoutes } from './grants.ts';
import { groupRoutes } from './groups.ts';
import type { Keystone } from './keystone.ts';
import { limitRoutes } from './limits.ts';
import { policyDocumentRoutes } from './policy-documents.ts';
import { projectRoutes } from './projects.ts';
import { regionRoutes } from './regions.ts';
import { registeredLimitRoutes } from './registered-limits.ts';
import { roleAssignmentRoutes } from './role-assignments.ts';
import { roleRoutes } from './roles.ts';
import { serviceRoutes } from './services.ts';
import { trustRoutes } from './trusts.ts';
import { userRoutes } from './users.ts';
import { versionRoutes } from './versions.ts';

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
    ...regionRoutes(k),
    ...serviceRoutes(k),
    ...endpointRoutes(k),
    ...applicationCredentialRoutes(k),
    ...accessRuleRoutes(k),
    ...credentialRoutes(k),
    ...trustRoutes(k),
    ...policyDocumentRoutes(k),
    ...limitRoutes(k),
    ...registeredLimitRoutes(k),
    ...domainConfigRoutes(k),
    ...endpointFilterRoutes(k),
    ...consumerRoutes(k),
  ];
  return all.map((route) => beginningEpoch(k, route));
}

/**
 * Invalidates all cached token checks after a write, since any write may grant or end a right.
 * Issuing a token does not count as one.
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
