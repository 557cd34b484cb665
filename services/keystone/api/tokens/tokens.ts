// Issues, shows, validates and revokes tokens. Validation reads the present state, so that the end
// of a right has effect at once. Results are cached until any write to Keystone starts a new epoch.
import { fault, isFault, type Outcome } from '#contracts/common/fault.ts';
import type { Json } from '#contracts/common/json.ts';
import type { AuthContext } from '#openstack/auth/context.ts';
import type { Clock } from '#platform/clock.ts';
import { withImplied } from '../../domain/implied-roles.ts';
import { pack, unpack, type TokenPayload } from '../../domain/token-payload.ts';
import { isExpired } from '../../domain/trust.ts';
import { accessRulesWithIds } from '../../store/access-rules.ts';
import { findApplicationCredential } from '../../store/application-credentials.ts';
import { roleIdsIn } from '../../store/assignments.ts';
import { catalogFor } from '../../store/catalog.ts';
import { findDomain, findProject } from '../../store/projects.ts';
import { isRevoked, revokeToken } from '../../store/revoked-tokens.ts';
import { globalRoles, implications } from '../../store/roles.ts';
import type { ApplicationCredentialRow, Db, TrustRow } from '../../store/tables.ts';
import { findTrust, usersOfTrust } from '../../store/trusts.ts';
import { findUser } from '../../store/users.ts';
import type { FernetKeys } from './fernet-keys.ts';
import { contextOf, documentOf, type AccessRule, type TokenFacts } from './token-facts.ts';

export interface Tokens {
  seal(payload: TokenPayload): string;
  /**
   * The facts of a token. unauthorized: not our token, expired, revoked, or its user, scope or
   * roles no longer exist.
   */
  open(token: string): Promise<Outcome<TokenFacts>>;
  /** The same checks for a payload that has not been sealed into a token yet. */
  factsOf(payload: TokenPayload): Promise<Outcome<TokenFacts>>;
  /** The token document of the Identity API. */
  show(facts: TokenFacts, withCatalog: boolean): Promise<Json>;
  /** Like `open`, but cached. */
  validate(token: string): Promise<Outcome<AuthContext>>;
  revoke(payload: TokenPayload): Promise<void>;
  /** Invalidates all cached validations. Called after each write. */
  beginEpoch(): void;
}

export interface TokensDeps {
  db: Db;
  clock: Clock;
  keys: FernetKeys;
  /**
   * Size of the cache. 0 if other processes write to the same database, as their writes start no
   * epoch here.
   */
  maxRemembered: number;
}

const rejection = () => fault('unauthorized', 'The request you have made requires authentication.');

export function createTokens({ db, clock, keys, maxRemembered }: TokensDeps): Tokens {
  let epoch = 0;
  const remembered = new Map<string, { epoch: number; context: AuthContext }>();

  async function factsOf(payload: TokenPayload): Promise<Outcome<TokenFacts>> {
    const { scope } = payload;
    const user = await findUser(db, payload.userId);
    if (!user?.enabled || payload.issuedAtMs < user.tokens_valid_from) return rejection();
    const userDomain = await findDomain(db, user.domain_id);
    if (!userDomain?.enabled) return rejection();
    const project = scope.kind === 'project' ? await findProject(db, scope.id) : undefined;
    if (scope.kind === 'project' && !project?.enabled) return rejection();
    const domainId =
      // a project that is a domain is in itself
      scope.kind === 'domain' ? scope.id : project && (project.domain_id || project.id);
    const domain = domainId === undefined ? undefined : await findDomain(db, domainId);
    if (domainId !== undefined && !domain?.enabled) return rejection();
    const appCred =
      payload.appCredId === null
        ? undefined
        : await findApplicationCredential(db, payload.appCredId);
    if (
      payload.appCredId !== null &&
      (!appCred || (appCred.expires_at_us !== null && appCred.expires_at_us <= clock.now() * 1000))
    )
      return rejection();
    const accessRules = appCred && (await accessRulesOf(appCred));
    const trust =
      payload.trustId === null ? undefined : await livingTrust(payload.trustId, payload.issuedAtMs);
    if (payload.trustId !== null && !trust) return rejection();
    if (scope.kind === 'unscoped')
      return { payload, user, userDomain, project, domain, roles: [], appCred, accessRules, trust };

    const ids = await roleIdsIn(db, trust?.trustor_user_id ?? user.id, scope, project);
    const lent = appCred?.roles ?? trust?.roles;
    if (lent !== undefined) {
      // A delegated role includes the roles it implies. Roles that the delegating user has lost no
      // longer count. Identity API, "Application Credentials". (Keystone wrote `lent` as a JSON
      // array of ids.)
      const only = withImplied(JSON.parse(lent) as string[], await implications(db));
      for (const id of ids) if (!only.has(id)) ids.delete(id);
    }
    const roles = await globalRoles(db, ids);
    return roles.length === 0
      ? rejection()
      : { payload, user, userDomain, project, domain, roles, appCred, accessRules, trust };
  }

  async function accessRulesOf(
    appCred: ApplicationCredentialRow,
  ): Promise<AccessRule[] | undefined> {
    if (appCred.access_rules === null) return undefined;
    const ids = JSON.parse(appCred.access_rules) as string[]; // a JSON array of ids from Keystone
    return (await accessRulesWithIds(db, ids)).map(({ user_id: _user, ...rule }) => rule);
  }

  /**
   * The trust, if it is still valid. A change that invalidates tokens of trustor or trustee
   * (password, disabled user or domain) also invalidates tokens from the trust, which may name only
   * the trustor.
   */
  async function livingTrust(id: string, issuedAtMs: number): Promise<TrustRow | undefined> {
    const trust = await findTrust(db, id);
    if (!trust || isExpired(trust, clock.now())) return undefined;
    return (await usersOfTrust(db, trust)).every(
      (user) => user.enabled && user.domain_enabled && issuedAtMs >= user.tokens_valid_from,
    )
      ? trust
      : undefined;
  }

  async function open(token: string): Promise<Outcome<TokenFacts>> {
    const bytes = await keys.unseal(token);
    const payload = bytes && unpack(bytes);
    if (!payload || payload.expiresAtMs <= clock.now()) return rejection();
    return (await isRevoked(db, payload.auditIds[0] ?? '')) ? rejection() : await factsOf(payload);
  }

  async function validate(token: string): Promise<Outcome<AuthContext>> {
    const earlier = remembered.get(token);
    if (earlier && earlier.epoch === epoch && earlier.context.expiresAtMs > clock.now())
      return earlier.context;
    const startedIn = epoch; // a write during the validation makes the result stale
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
      await revokeToken(db, payload.auditIds[0] ?? '', payload.expiresAtMs, clock.now());
    },
    beginEpoch() {
      epoch += 1;
      remembered.clear();
    },
  };
}
