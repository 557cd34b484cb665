// Tokens: made, shown, checked, revoked. The check reads the present state, so whatever ends a
// right ends it at once; a check is remembered until any write to Keystone begins a new epoch.
import { fault, isFault, type Outcome } from '#contracts/common/fault.ts';
import type { Json, JsonObject } from '#contracts/common/json.ts';
import type { AuthContext } from '#openstack/auth/context.ts';
import { isoMicroseconds, type Clock } from '#platform/clock.ts';
import { upsert } from '#platform/db/transaction.ts';
import { withImplied } from '../../domain/implied-roles.ts';
import { pack, unpack, type TokenPayload } from '../../domain/token-payload.ts';
import { globalRoles, implications, roleIdsIn } from '../../store/assignments.ts';
import { catalogFor } from '../../store/catalog.ts';
import { findDomain, findProject } from '../../store/projects.ts';
import type {
  AccessRuleRow,
  ApplicationCredentialRow,
  ProjectRow,
  TrustRow,
  UserRow,
} from '../../store/tables.ts';
import type { Db } from '../keystone.ts';
import type { FernetKeys } from './fernet-keys.ts';

export interface TokenFacts {
  payload: TokenPayload;
  user: UserRow;
  userDomain: ProjectRow;
  project: ProjectRow | undefined;
  /** The project's domain, or the domain of a domain scope. */
  domain: ProjectRow | undefined;
  roles: { id: string; name: string }[];
  appCred: ApplicationCredentialRow | undefined;
  /** What the application credential is limited to; undefined = not limited. */
  accessRules: AccessRule[] | undefined;
  trust: TrustRow | undefined;
}

export type AccessRule = Omit<AccessRuleRow, 'user_id'>;

export interface Tokens {
  seal(payload: TokenPayload): string;
  /** unauthorized: not ours, expired, revoked, or its user, scope or roles are gone. */
  open(token: string): Promise<Outcome<TokenFacts>>;
  /** The same for a payload that is not a token yet. */
  factsOf(payload: TokenPayload): Promise<Outcome<TokenFacts>>;
  /** The token document of the Identity API. */
  show(facts: TokenFacts, withCatalog: boolean): Promise<Json>;
  /** As `open`, remembered. */
  validate(token: string): Promise<Outcome<AuthContext>>;
  revoke(payload: TokenPayload): Promise<void>;
  /** Forgets every remembered check. Called after each write. */
  beginEpoch(): void;
}

export interface TokensDeps {
  db: Db;
  clock: Clock;
  keys: FernetKeys;
  /** 0 where other processes write to the same database: their writes begin no epoch here. */
  maxRemembered: number;
}

const refused = () => fault('unauthorized', 'The request you have made requires authentication.');

export function createTokens({ db, clock, keys, maxRemembered }: TokensDeps): Tokens {
  let epoch = 0;
  const remembered = new Map<string, { epoch: number; context: AuthContext }>();

  async function factsOf(payload: TokenPayload): Promise<Outcome<TokenFacts>> {
    const { scope } = payload;
    const user = await db
      .selectFrom('user')
      .selectAll()
      .where('id', '=', payload.userId)
      .executeTakeFirst();
    if (!user?.enabled || payload.issuedAtMs < user.tokens_valid_from) return refused();
    const userDomain = await findDomain(db, user.domain_id);
    if (!userDomain?.enabled) return refused();
    const project = scope.kind === 'project' ? await findProject(db, scope.id) : undefined;
    if (scope.kind === 'project' && !project?.enabled) return refused();
    const domainId =
      // a project that is a domain is its own
      scope.kind === 'domain' ? scope.id : project && (project.domain_id || project.id);
    const domain = domainId === undefined ? undefined : await findDomain(db, domainId);
    if (domainId !== undefined && !domain?.enabled) return refused();
    const appCred =
      payload.appCredId === null
        ? undefined
        : await db
            .selectFrom('application_credential')
            .selectAll()
            .where('id', '=', payload.appCredId)
            .executeTakeFirst();
    if (
      payload.appCredId !== null &&
      (!appCred || (appCred.expires_at_us !== null && appCred.expires_at_us <= clock.now() * 1000))
    )
      return refused();
    const accessRules = appCred && (await accessRulesOf(appCred));
    const trust =
      payload.trustId === null ? undefined : await livingTrust(payload.trustId, payload.issuedAtMs);
    if (payload.trustId !== null && !trust) return refused();
    if (scope.kind === 'unscoped')
      return { payload, user, userDomain, project, domain, roles: [], appCred, accessRules, trust };

    const ids = await roleIdsIn(db, trust?.trustor_user_id ?? user.id, scope, project);
    const lent = appCred?.roles ?? trust?.roles;
    if (lent !== undefined) {
      // What is lent is lent with what it implies; nobody lends more than he has now. Identity API,
      // "Application Credentials".
      // written by us as an array of ids
      const only = withImplied(JSON.parse(lent) as string[], await implications(db));
      for (const id of ids) if (!only.has(id)) ids.delete(id);
    }
    const roles = await globalRoles(db, ids);
    return roles.length === 0
      ? refused()
      : { payload, user, userDomain, project, domain, roles, appCred, accessRules, trust };
  }

  async function accessRulesOf(
    appCred: ApplicationCredentialRow,
  ): Promise<AccessRule[] | undefined> {
    if (appCred.access_rules === null) return undefined;
    const ids = JSON.parse(appCred.access_rules) as string[]; // written by us as an array of ids
    return ids.length === 0
      ? []
      : await db
          .selectFrom('access_rule')
          .select(['id', 'service', 'method', 'path'])
          .where('id', 'in', ids)
          .orderBy('id')
          .execute();
  }

  /**
   * What ends the tokens of a user ends those that he got as a trustee too, which name the trustor
   * where he is impersonated.
   */
  async function livingTrust(id: string, issuedAtMs: number): Promise<TrustRow | undefined> {
    const trust = await db
      .selectFrom('trust')
      .selectAll()
      .where('id', '=', id)
      .where('deleted_at', 'is', null)
      .executeTakeFirst();
    if (!trust || (trust.expires_at !== null && trust.expires_at <= clock.now())) return undefined;
    const ends = await db
      .selectFrom('user')
      .innerJoin('project as domain', 'domain.id', 'user.domain_id')
      .select(['user.enabled', 'user.tokens_valid_from', 'domain.enabled as domain_enabled'])
      .where('user.id', 'in', [trust.trustor_user_id, trust.trustee_user_id])
      .execute();
    return ends.every(
      (user) => user.enabled && user.domain_enabled && issuedAtMs >= user.tokens_valid_from,
    )
      ? trust
      : undefined;
  }

  async function open(token: string): Promise<Outcome<TokenFacts>> {
    const bytes = await keys.unseal(token);
    const payload = bytes && unpack(bytes);
    if (!payload || payload.expiresAtMs <= clock.now()) return refused();
    const revoked = await db
      .selectFrom('revoked_token')
      .select('audit_id')
      .where('audit_id', '=', payload.auditIds[0] ?? '')
      .executeTakeFirst();
    return revoked ? refused() : await factsOf(payload);
  }

  async function validate(token: string): Promise<Outcome<AuthContext>> {
    const known = remembered.get(token);
    if (known && known.epoch === epoch && known.context.expiresAtMs > clock.now())
      return known.context;
    const startedIn = epoch; // a write during the check makes what is remembered stale at once
    const facts = await open(token);
    if (isFault(facts)) {
      remembered.delete(token);
      return facts;
    }
    const context = contextOf(facts, token);
    if (maxRemembered > 0) {
      remembered.set(token, { epoch: startedIn, context });
      if (remembered.size > maxRemembered) remembered.delete(remembered.keys().next().value ?? '');
    }
    return context;
  }

  return {
    seal: (payload) => keys.seal(pack(payload)),
    open,
    factsOf,
    validate,
    async show(facts, withCatalog) {
      const scoped = facts.payload.scope.kind !== 'unscoped';
      const catalog =
        withCatalog && scoped
          ? await catalogFor(db, facts.user.id, facts.project?.id ?? null)
          : undefined;
      return { token: documentOf(facts, catalog as Json | undefined) };
    },
    async revoke(payload) {
      const auditId = payload.auditIds[0] ?? '';
      await upsert(db, 'revoked_token', { audit_id: auditId, expires_at: payload.expiresAtMs }, [
        'audit_id',
      ]);
      await db.deleteFrom('revoked_token').where('expires_at', '<', clock.now()).execute();
    },
    beginEpoch() {
      epoch += 1;
      remembered.clear();
    },
  };
}

function contextOf(
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
    // Not after what lent the rights: who remembers this context asks no more until then.
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

function documentOf(
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
