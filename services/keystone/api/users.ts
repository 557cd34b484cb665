// /v3/users, their passwords and groups.
import { Type, type Static } from 'typebox';
import { fault, isFault, type Outcome } from '#contracts/common/fault.ts';
import { route, type ApiRequest, type Route } from '#openstack/http/route.ts';
import { transaction } from '#platform/db/transaction.ts';
import { loginSource } from '../domain/login-source.ts';
import { groupsOfUser } from '../store/groups.ts';
import { findDomain, findProject } from '../store/projects.ts';
import type { UserRow } from '../store/tables.ts';
import {
  deleteUsers,
  findUser,
  insertUser,
  listUsers,
  replacePassword,
  updateUser,
} from '../store/users.ts';
import { groupView, userView } from './actor-view.ts';
import { enabled, extraOf, idText, nameOf, parsed, wrapped } from './bodies.ts';
import type { Keystone } from './keystone.ts';
import { deniedToLent } from './lent-rights.ts';
import { mergedOptions, userOptions } from './options.ts';
import { badExpiryFilter } from './password-expiry-filter.ts';
import { provePassword } from './passwords/prove-password.ts';
import {
  denied,
  enabledFilter,
  homeDomain,
  listDomain,
  notFound,
  duplicateEntry,
} from './permit.ts';
import { queryValue, created, noContent, listed, shown } from './replies.ts';

const columns = [
  'id',
  'name',
  'domain_id',
  'default_project_id',
  'enabled',
  'password',
  'original_password',
  'options',
  'password_expires_at',
  'federated',
];
/**
 * Filters of the user list. Four of them always find nobody: no user is federated and no password
 * expires.
 */
const userFilters = [
  'domain_id',
  'enabled',
  'idp_id',
  'name',
  'protocol_id',
  'unique_id',
  'password_expires_at',
] as const;
const password = Type.Union([Type.String({ minLength: 1, maxLength: 4096 }), Type.Null()]);
const attributes = {
  password: Type.Optional(password),
  enabled: Type.Optional(enabled),
  default_project_id: Type.Optional(Type.Union([idText, Type.Null()])),
  options: Type.Optional(userOptions),
};
const createBody = wrapped('user', {
  name: nameOf(255),
  domain_id: Type.Optional(idText),
  ...attributes,
});
const updateBody = wrapped(
  'user',
  { name: Type.Optional(nameOf(255)), domain_id: Type.Optional(idText), ...attributes },
  { minProperties: 1 },
);
const passwordBody = Type.Object({
  user: Type.Object({
    password: Type.String({ minLength: 1, maxLength: 4096 }),
    original_password: Type.String(),
  }),
});

export function userRoutes(k: Keystone): Route[] {
  /** The path's user, if `rule` allows the caller to act on it. */
  async function find(request: ApiRequest<unknown>, rule: string): Promise<Outcome<UserRow>> {
    const id = request.params['user_id'] ?? '';
    const row = await findUser(k.db, id);
    return (
      denied(request, rule, { user_id: id, domain_id: row?.domain_id }) ??
      row ??
      notFound('user', id)
    );
  }

  /**
   * Whether a default_project_id names a domain, which is refused. An unknown id is accepted, as
   * stock Keystone does not look it up.
   */
  async function isDomain(projectId: string | null | undefined): Promise<boolean> {
    return projectId ? (await findProject(k.db, projectId))?.is_domain === 1 : false;
  }
  /** The hash of a new password; '' for none. */
  const hashOf = async (
    request: ApiRequest<unknown>,
    newPassword: string | null,
    userId: string,
  ): Promise<Outcome<string>> =>
    newPassword
      ? await k.passwords.hash(newPassword, { source: loginSource(request.source), user: userId })
      : '';
  const domainAsDefault = fault('badRequest', "A user's default project cannot be a domain.");

  return [
    route('GET', '/v3/users', {
      policy: 'identity:list_users',
      async handler(request) {
        const rows = await listUsers(k.db, {
          name: queryValue(request, 'name'),
          domain_id: listDomain(request),
          enabled: enabledFilter(request),
        });
        return (
          badExpiryFilter(request) ??
          listed(
            request,
            'users',
            rows.map((row) => userView(request, row)),
            userFilters,
          )
        );
      },
    }),
    route<Static<typeof createBody>>('POST', '/v3/users', {
      policy: 'identity:create_user',
      body: createBody,
      faults: ['conflict', 'notFound', 'tooManyRequests'],
      async handler(request) {
        const { user } = request.body;
        const domainId = user.domain_id ?? homeDomain(request);
        const refusal = denied(request, 'identity:create_user', { domain_id: domainId });
        if (refusal) return refusal;
        if (!(await findDomain(k.db, domainId))) return notFound('domain', domainId);
        if (await isDomain(user.default_project_id)) return domainAsDefault;
        if (user.password && user.password.length < k.config.minPasswordLength)
          return tooShort(k.config.minPasswordLength);
        const hash = await hashOf(request, user.password ?? null, '');
        if (isFault(hash)) return hash;
        const row: UserRow = {
          id: k.ids.hex(),
          name: user.name.trim(),
          domain_id: domainId,
          default_project_id: user.default_project_id ?? null,
          enabled: Number(user.enabled ?? true),
          password_hash: hash,
          options: mergedOptions(user.options ?? {}),
          extra: extraOf(user, columns),
          failed_logins: 0,
          failed_at: 0,
          tokens_valid_from: 0,
        };
        if (!(await insertUser(k.db, row))) return duplicateEntry('user', row.name);
        return created('user', userView(request, row));
      },
    }),
    route('GET', '/v3/users/:user_id', {
      policy: 'identity:get_user',
      faults: ['notFound'],
      async handler(request) {
        const row = await find(request, 'identity:get_user');
        return isFault(row) ? row : shown('user', userView(request, row));
      },
    }),
    route<Static<typeof updateBody>>('PATCH', '/v3/users/:user_id', {
      policy: 'identity:update_user',
      body: updateBody,
      faults: ['notFound', 'conflict', 'tooManyRequests'],
      async handler(request) {
        const { user } = request.body;
        const row = await find(request, 'identity:update_user');
        if (isFault(row)) return row;
        const lent =
          user.password !== undefined && row.id === request.auth.userId
            ? await deniedToLent(k, request)
            : undefined;
        if (lent) return lent;
        if (user.domain_id !== undefined && user.domain_id !== row.domain_id)
          return fault('badRequest', 'The domain_id of a user cannot be changed.');
        if (await isDomain(user.default_project_id)) return domainAsDefault;
        if (user.password && user.password.length < k.config.minPasswordLength)
          return tooShort(k.config.minPasswordLength);
        const hash = await hashOf(request, user.password ?? null, row.id);
        if (isFault(hash)) return hash;
        const endsTokens = user.password !== undefined || user.enabled === false;
        const changes = {
          ...(user.name !== undefined && { name: user.name.trim() }),
          ...(user.default_project_id !== undefined && {
            default_project_id: user.default_project_id,
          }),
          ...(user.enabled !== undefined && { enabled: Number(user.enabled) }),
          ...(user.password !== undefined && { password_hash: hash, failed_logins: 0 }),
          ...(user.options !== undefined && { options: mergedOptions(user.options, row.options) }),
          ...(endsTokens && { tokens_valid_from: k.clock.now() }),
          extra: extraOf(user, columns, row.extra),
        };
        if (!(await updateUser(k.db, row.id, changes)))
          return duplicateEntry('user', changes.name ?? row.name);
        return shown('user', userView(request, { ...row, ...changes }));
      },
    }),
    route('DELETE', '/v3/users/:user_id', {
      policy: 'identity:delete_user',
      faults: ['notFound'],
      async handler(request) {
        const row = await find(request, 'identity:delete_user');
        if (isFault(row)) return row;
        await transaction(k.db, (trx) => deleteUsers(trx, [row.id]));
        return noContent;
      },
    }),
    // No token is needed, as the original password is the proof. Identity API, "Change password for
    // user".
    route<Static<typeof passwordBody>>('POST', '/v3/users/:user_id/password', {
      auth: 'none',
      policy: null,
      body: passwordBody,
      faults: ['tooManyRequests'],
      async handler(request) {
        const { original_password: original, password: next } = request.body.user;
        const row = await findUser(k.db, request.params['user_id'] ?? '');
        const right = await provePassword(k, row, original, request.source);
        if (isFault(right)) return right;
        if (!row?.enabled || !right)
          return fault('unauthorized', 'The request you have made requires authentication.', {
            identityUrl: request.baseUrl,
          });
        if (next === original)
          return fault('badRequest', 'The new password must differ from the original one.');
        if (next.length < k.config.minPasswordLength) return tooShort(k.config.minPasswordLength);
        // User option lock_password (Identity API, "Resource Options"): only an administrator may
        // change the password.
        if (parsed(row.options)['lock_password'] === true)
          return fault('forbidden', 'This user may not change the password; an administrator may.');
        const hash = await hashOf(request, next, row.id);
        if (isFault(hash)) return hash;
        // unauthorized if the password was changed while this one was hashed: the proven one is no
        // longer valid.
        return (await replacePassword(k.db, row, hash, k.clock.now()))
          ? noContent
          : fault('unauthorized', 'The request you have made requires authentication.', {
              identityUrl: request.baseUrl,
            });
      },
    }),
    route('GET', '/v3/users/:user_id/groups', {
      policy: 'identity:list_groups_for_user',
      faults: ['notFound'],
      async handler(request) {
        const row = await find(request, 'identity:list_groups_for_user');
        if (isFault(row)) return row;
        const groups = await groupsOfUser(k.db, row.id);
        return listed(
          request,
          'groups',
          groups.map((group) => groupView(request, group)),
          ['name'],
        );
      },
    }),
  ];
}

function tooShort(minLength: number) {
  return fault(
    'badRequest',
    `The password does not match the requirements: at least ${minLength} characters.`,
  );
}
