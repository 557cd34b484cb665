// Checks credentials and requested scope, and returns the payload of a new token. Called by
// api/auth.ts.
import { fault, isFault, type Fault, type Outcome } from '#contracts/common/fault.ts';
import { loginSource } from '../../domain/login-source.ts';
import type { AuthMethod, TokenPayload, TokenScope } from '../../domain/token-payload.ts';
import {
  findApplicationCredential,
  findApplicationCredentialOf,
} from '../../store/application-credentials.ts';
import { roleIdsIn } from '../../store/assignments.ts';
import { findDomain, findProject, findProjectByName } from '../../store/projects.ts';
import type { ApplicationCredentialRow, UserRow } from '../../store/tables.ts';
import { findTrust, takeUseOfTrust } from '../../store/trusts.ts';
import { findUser, findUserByName } from '../../store/users.ts';
import type { Keystone } from '../keystone.ts';
import { provePassword } from '../passwords/prove-password.ts';
import type { TokenFacts } from './token-facts.ts';

export interface NamedRef {
  id?: string;
  name?: string;
}
export interface UserRef extends NamedRef {
  domain?: NamedRef;
}
export interface AuthRequest {
  identity: {
    methods: string[];
    password?: { user: UserRef & { password: string } };
    token?: { id: string };
    application_credential?: { id?: string; name?: string; secret: string; user?: UserRef };
  };
  scope?:
    | 'unscoped'
    | {
        project?: UserRef;
        domain?: NamedRef;
        system?: { all?: boolean };
        unscoped?: object;
        'OS-TRUST:trust'?: { id: string };
      };
}

/** The user whose identity was proven, and restrictions on the new token. */
interface Proof {
  user: UserRow;
  methods: AuthMethod[];
  /** Expiry of the token that was used to authenticate: the new one must not outlive it. */
  expiresAtMs?: number;
  chainAuditId?: string;
  parent?: TokenFacts;
  appCred?: ApplicationCredentialRow;
}

const rejection = (): Fault =>
  fault('unauthorized', 'The request you have made requires authentication.');
const lacking = (what: string, where: string): Fault =>
  fault('badRequest', `Expecting to find ${what} in ${where}.`);

/**
 * The payload of a new token for these credentials and this scope. `address`: the client's address,
 * for the password queue. tooManyRequests or unavailable: too many password checks are waiting.
 */
export async function authenticate(
  k: Keystone,
  { identity, scope }: AuthRequest,
  address: string,
): Promise<Outcome<TokenPayload>> {
  // Taken before the slow proof: if the password or user is changed meanwhile, this token counts as
  // older and is invalid.
  const nowMs = k.clock.now();
  let proof: Proof | undefined;
  for (const method of new Set(identity.methods)) {
    const next = await prove(k, method, identity, address);
    if (isFault(next)) return next;
    // all methods must prove the same user
    if (proof && proof.user.id !== next.user.id) return rejection();
    proof = { ...proof, ...next, methods: [...(proof?.methods ?? []), ...next.methods] };
  }
  if (!proof) return lacking('a method', 'auth.identity.methods');

  const payload: TokenPayload = {
    methods: [...new Set(proof.methods)],
    userId: proof.user.id,
    scope: { kind: 'unscoped' },
    issuedAtMs: nowMs,
    expiresAtMs: proof.expiresAtMs ?? Math.floor((nowMs + k.config.tokenLifetimeMs) / 1000) * 1000,
    auditIds: [
      k.ids.bytes(16).toString('base64url'),
      ...(proof.chainAuditId === undefined ? [] : [proof.chainAuditId]),
    ],
    appCredId: proof.appCred?.id ?? null,
    trustId: null,
  };
  return await scoped(k, payload, proof, scope);
}

async function prove(
  k: Keystone,
  method: string,
  identity: AuthRequest['identity'],
  address: string,
): Promise<Outcome<Proof>> {
  switch (method) {
    case 'password':
      return identity.password
        ? await byPassword(k, identity.password.user, address)
        : lacking('password', 'auth.identity');
    case 'token':
      return identity.token
        ? await byToken(k, identity.token.id)
        : lacking('token', 'auth.identity');
    case 'application_credential':
      return identity.application_credential
        ? await byAppCred(k, identity.application_credential, address)
        : lacking('application_credential', 'auth.identity');
    default:
      return fault(
        'unauthorized',
        `Attempted to authenticate with an unsupported method: ${method}.`,
      );
  }
}

async function byPassword(
  k: Keystone,
  input: UserRef & { password: string },
  address: string,
): Promise<Outcome<Proof>> {
  const user = await userOf(k, input);
  if (isFault(user)) return user;
  const right = await provePassword(k, user, input.password, address);
  if (isFault(right)) return right;
  return user && right ? { user, methods: ['password'] } : rejection();
}

async function byToken(k: Keystone, token: string): Promise<Outcome<Proof>> {
  const parent = await k.tokens.open(token);
  if (isFault(parent)) return parent;
  const { payload, user, appCred } = parent;
  return {
    user,
    methods: ['token', ...payload.methods],
    expiresAtMs: payload.expiresAtMs,
    chainAuditId: payload.auditIds.at(-1) ?? '',
    parent,
    ...(appCred && { appCred }),
  };
}

async function byAppCred(
  k: Keystone,
  input: NonNullable<AuthRequest['identity']['application_credential']>,
  address: string,
): Promise<Outcome<Proof>> {
  let appCred: ApplicationCredentialRow | undefined;
  if (input.id !== undefined) appCred = await findApplicationCredential(k.db, input.id);
  else if (input.name !== undefined && input.user) {
    const owner = await userOf(k, input.user);
    if (isFault(owner)) return owner;
    appCred = await findApplicationCredentialOf(k.db, owner?.id ?? '', { name: input.name });
  } else return lacking('id, or name and user,', 'auth.identity.application_credential');
  const right = await k.passwords.verify(input.secret, appCred?.secret_hash ?? '', {
    source: loginSource(address),
    user: appCred?.id ?? '',
  });
  if (isFault(right)) return right;
  if (!appCred || !right) return rejection();
  const user = await findUser(k.db, appCred.user_id);
  return user ? { user, methods: ['application_credential'], appCred } : rejection();
}

async function userOf(k: Keystone, ref: UserRef): Promise<Outcome<UserRow | undefined>> {
  if (ref.id !== undefined) return await findUser(k.db, ref.id);
  if (ref.name === undefined) return lacking('id or name', 'user');
  if (!ref.domain) return lacking('domain', 'user');
  const domainId = await findDomainId(k, ref.domain);
  return await findUserByName(k.db, domainId ?? '', ref.name);
}

async function findDomainId(k: Keystone, ref: NamedRef): Promise<string | undefined> {
  const domain =
    ref.id !== undefined
      ? await findDomain(k.db, ref.id)
      : await findProjectByName(k.db, '', ref.name ?? '');
  return domain?.id;
}

async function scoped(
  k: Keystone,
  payload: TokenPayload,
  proof: Proof,
  requestedScope: AuthRequest['scope'],
): Promise<Outcome<TokenPayload>> {
  if (proof.appCred) {
    const scope: TokenScope = { kind: 'project', id: proof.appCred.project_id };
    const other =
      requestedScope !== undefined &&
      (typeof requestedScope === 'string' || requestedScope.project?.id !== scope.id);
    return other
      ? fault('unauthorized', 'Application credentials cannot request a scope.')
      : { ...payload, scope };
  }
  // A token from a trust cannot be exchanged for another token.
  if (proof.parent?.trust)
    return fault('forbidden', 'A token made from a trust cannot be used to get another token.');
  if (requestedScope === undefined) return { ...payload, scope: await defaultScope(k, proof.user) };
  if (requestedScope === 'unscoped' || requestedScope.unscoped) return payload;
  if (requestedScope['OS-TRUST:trust'])
    return await trusted(k, payload, proof.user, requestedScope['OS-TRUST:trust'].id);
  if (requestedScope.system)
    return requestedScope.system.all
      ? { ...payload, scope: { kind: 'system' } }
      : lacking('all', 'auth.scope.system');
  if (requestedScope.domain) {
    const id = await findDomainId(k, requestedScope.domain);
    return id === undefined ? rejection() : { ...payload, scope: { kind: 'domain', id } };
  }
  if (!requestedScope.project) return lacking('project, domain or system', 'auth.scope');
  const id = await findProjectId(k, requestedScope.project);
  if (isFault(id)) return id;
  return id === undefined ? rejection() : { ...payload, scope: { kind: 'project', id } };
}

async function findProjectId(k: Keystone, ref: UserRef): Promise<Outcome<string | undefined>> {
  if (ref.id !== undefined) return ref.id;
  if (ref.name === undefined) return lacking('id or name', 'auth.scope.project');
  if (!ref.domain) return lacking('domain', 'auth.scope.project');
  const domainId = await findDomainId(k, ref.domain);
  return domainId === undefined
    ? undefined
    : (await findProjectByName(k.db, domainId, ref.name))?.id;
}

/**
 * The user's default project if the user has a role there; otherwise unscoped. Identity API:
 * "default_project_id".
 */
async function defaultScope(k: Keystone, user: UserRow): Promise<TokenScope> {
  const project =
    user.default_project_id === null ? undefined : await findProject(k.db, user.default_project_id);
  if (!project?.enabled) return { kind: 'unscoped' };
  const scope: TokenScope = { kind: 'project', id: project.id };
  return (await roleIdsIn(k.db, user.id, scope, project)).size > 0 ? scope : { kind: 'unscoped' };
}

async function trusted(
  k: Keystone,
  payload: TokenPayload,
  trustee: UserRow,
  trustId: string,
): Promise<Outcome<TokenPayload>> {
  const trust = await findTrust(k.db, trustId);
  if (!trust || trust.trustee_user_id !== trustee.id)
    return fault('forbidden', 'The trust is not for this user.');
  if (trust.remaining_uses !== null && !(await takeUseOfTrust(k.db, trustId)))
    return fault('forbidden', 'The trust has no uses left.');
  return {
    ...payload,
    trustId,
    userId: trust.impersonation ? trust.trustor_user_id : trustee.id,
    scope:
      trust.project_id === null ? { kind: 'unscoped' } : { kind: 'project', id: trust.project_id },
  };
}
