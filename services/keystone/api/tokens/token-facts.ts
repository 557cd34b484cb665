// The facts behind a checked token, in the form for services (AuthContext) and as the token
// document of the Identity API. Used by tokens.ts and its callers.
import type { Json, JsonObject } from '#contracts/common/json.ts';
import type { AuthContext } from '#openstack/auth/context.ts';
import { isoMicroseconds } from '#platform/clock.ts';
import type { TokenPayload } from '../../domain/token-payload.ts';
import type {
  AccessRuleRow,
  ApplicationCredentialRow,
  ProjectRow,
  TrustRow,
  UserRow,
} from '../../store/tables.ts';

export interface TokenFacts {
  payload: TokenPayload;
  user: UserRow;
  userDomain: ProjectRow;
  project: ProjectRow | undefined;
  /** The project's domain, or that of a domain-scoped token; undefined for any other scope. */
  domain: ProjectRow | undefined;
  roles: { id: string; name: string }[];
  appCred: ApplicationCredentialRow | undefined;
  /** The rules to which the application credential is restricted; undefined: unrestricted. */
  accessRules: AccessRule[] | undefined;
  trust: TrustRow | undefined;
}

export type AccessRule = Omit<AccessRuleRow, 'user_id'>;

export function contextOf(
  { payload, user, project, domain, roles, accessRules, appCred, trust }: TokenFacts,
  token: string,
): AuthContext {
  return {
    userId: user.id,
    userName: user.name,
    userDomainId: user.domain_id,
    projectId: project?.id ?? null,
    projectName: project?.name ?? null,
    projectDomainId: project ? (domain?.id ?? null) : null,
    domainId: payload.scope.kind === 'domain' ? payload.scope.id : null,
    systemScope: payload.scope.kind === 'system',
    roles: roles.map((role) => role.name),
    // No later than the credential's or trust's own expiry: services cache this context, and ask
    // again only when it has expired.
    expiresAtMs: Math.min(
      payload.expiresAtMs,
      appCred?.expires_at_us != null ? appCred.expires_at_us / 1000 : Infinity,
      trust?.expires_at ?? Infinity,
    ),
    token,
    appCredId: payload.appCredId,
    accessRules:
      accessRules?.map(({ service, method, path }) => ({ service, method, path })) ?? null,
  };
}

/** The token document of the Identity API. */
export function documentOf(
  { payload, user, userDomain, project, domain, roles, appCred, accessRules, trust }: TokenFacts,
  catalog: Json | undefined,
): JsonObject {
  const named = (row: { id: string; name: string }): JsonObject => ({ id: row.id, name: row.name });
  return {
    methods: payload.methods,
    user: { domain: named(userDomain), id: user.id, name: user.name, password_expires_at: null },
    audit_ids: payload.auditIds,
    expires_at: isoMicroseconds(payload.expiresAtMs),
    issued_at: isoMicroseconds(payload.issuedAtMs),
    ...(project &&
      domain && {
        project: { domain: named(domain), ...named(project) },
        is_domain: project.is_domain === 1,
      }),
    ...(payload.scope.kind === 'domain' && domain && { domain: named(domain) }),
    ...(payload.scope.kind === 'system' && { system: { all: true } }),
    ...(payload.scope.kind !== 'unscoped' && { roles: roles.map(named) }),
    ...(appCred && {
      application_credential: {
        id: appCred.id,
        name: appCred.name,
        restricted: appCred.unrestricted === 0,
        ...(accessRules && { access_rules: accessRules.map((rule) => ({ ...rule })) }),
      },
    }),
    ...(trust && {
      'OS-TRUST:trust': {
        id: trust.id,
        impersonation: trust.impersonation === 1,
        trustee_user: { id: trust.trustee_user_id },
        trustor_user: { id: trust.trustor_user_id },
      },
    }),
    ...(catalog !== undefined && { catalog }),
  };
}
