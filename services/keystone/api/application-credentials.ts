// /v3/users/{id}/application_credentials: credentials for programs, with some of their user's
// roles.
import { Type, type Static } from 'typebox';
import { fault, isFault, type Outcome } from '#contracts/common/fault.ts';
import type { JsonObject } from '#contracts/common/json.ts';
import { route, type ApiRequest, type Route } from '#openstack/http/route.ts';
import { withImplied } from '../domain/implied-roles.ts';
import { loginSource } from '../domain/login-source.ts';
import { formatMicros, parseMicros } from '../domain/micro-time.ts';
import { accessRulesWithIds } from '../store/access-rules.ts';
import {
  applicationCredentialsOf,
  deleteApplicationCredential,
  findApplicationCredentialOf,
  insertApplicationCredential,
} from '../store/application-credentials.ts';
import { findGlobalRoleId, implications, rolesWithIds } from '../store/roles.ts';
import type { ApplicationCredentialRow } from '../store/tables.ts';
import { idsIn } from './access-rules.ts';
import { idText, nameOf, text, wrapped } from './bodies.ts';
import type { Keystone } from './keystone.ts';
import { deniedToLent, deniedToTrustee, lendableRoles } from './lent-rights.ts';
import { denied, notFound, duplicateEntry } from './permit.ts';
import { queryValue, created, noContent, listed, shown, urlOf } from './replies.ts';

const ref = Type.Object(
  { id: Type.Optional(idText), name: Type.Optional(nameOf(255)) },
  { minProperties: 1, maxProperties: 1, additionalProperties: false },
);
const rule = Type.Object({
  id: Type.Optional(idText),
  service: Type.Optional(Type.String()),
  method: Type.Optional(Type.String({ pattern: '^(GET|HEAD|POST|PUT|PATCH|DELETE)$' })),
  path: Type.Optional(Type.String({ maxLength: 225, pattern: '^/[^*{]*(?:[*{][^*{]*){0,32}$' })),
});
const createBody = wrapped('application_credential', {
  name: nameOf(255),
  description: Type.Optional(text),
  secret: Type.Optional(Type.Union([Type.String({ minLength: 1 }), Type.Null()])),
  expires_at: Type.Optional(text),
  roles: Type.Optional(Type.Array(ref)),
  unrestricted: Type.Optional(Type.Union([Type.Boolean(), Type.Null()])),
  // Bounded, since every request made with the token is compared with each rule.
  access_rules: Type.Optional(Type.Array(rule, { maxItems: 64 })),
});
type Sent = Static<typeof createBody>['application_credential'];

const base = '/v3/users/:user_id/application_credentials';
const secretBytes = 64;

export function applicationCredentialRoutes(k: Keystone): Route[] {
  async function view(
    request: ApiRequest<unknown>,
    row: ApplicationCredentialRow,
  ): Promise<JsonObject> {
    const roles = await rolesWithIds(k.db, idsIn(row.roles));
    const rules =
      row.access_rules === null
        ? undefined
        : await accessRulesWithIds(k.db, idsIn(row.access_rules));
    return {
      id: row.id,
      name: row.name,
      description: row.description,
      project_id: row.project_id,
      user_id: row.user_id,
      unrestricted: row.unrestricted === 1,
      expires_at: row.expires_at_us === null ? null : formatMicros(row.expires_at_us),
      roles: roles.map((role) => ({
        id: role.id,
        name: role.name,
        domain_id: role.domain_id || null,
      })),
      ...(rules && {
        access_rules: rules.map(({ id, service, method, path }) => ({ id, service, method, path })),
      }),
      links: { self: urlOf(request, `users/${row.user_id}/application_credentials/${row.id}`) },
    };
  }

  async function find(
    request: ApiRequest<unknown>,
    policy: string,
  ): Promise<Outcome<ApplicationCredentialRow>> {
    const { user_id: userId = '', id = '' } = request.params;
    const refusal =
      denied(request, policy, { user_id: userId }) ?? (await deniedToTrustee(k, request));
    if (refusal) return refusal;
    return (
      (await findApplicationCredentialOf(k.db, userId, { id })) ??
      notFound('application credential', id)
    );
  }

  return [
    route('GET', base, {
      policy: 'identity:list_application_credentials',
      faults: ['notFound'],
      async handler(request) {
        const userId = request.params['user_id'] ?? '';
        const refusal =
          denied(request, 'identity:list_application_credentials', { user_id: userId }) ??
          (await deniedToTrustee(k, request));
        if (refusal) return refusal;
        const rows = await applicationCredentialsOf(k.db, userId, {
          name: queryValue(request, 'name'),
        });
        return listed(
          request,
          'application_credentials',
          await Promise.all(rows.map((row) => view(request, row))),
          ['name'],
        );
      },
    }),
    route<Static<typeof createBody>>('POST', base, {
      policy: 'identity:create_application_credential',
      body: createBody,
      faults: ['conflict', 'notFound', 'tooManyRequests'],
      async handler(request) {
        const input = request.body.application_credential;
        const userId = request.params['user_id'] ?? '';
        const refusal =
          denied(request, 'identity:create_application_credential', { user_id: userId }) ??
          (await deniedToLent(k, request));
        if (refusal) return refusal;
        const projectId = request.auth.projectId;
        if (projectId === null)
          return fault('badRequest', 'An application credential needs a project-scoped token.');
        const roles = await rolesFor(k, request, projectId, input.roles);
        if (isFault(roles)) return roles;
        const expiresAtUs = expiryOf(input, k.clock.now());
        if (isFault(expiresAtUs)) return expiresAtUs;
        const secret = input.secret ?? k.ids.bytes(secretBytes).toString('base64url');
        const secretHash = await k.passwords.hash(secret, {
          source: loginSource(request.source),
          user: userId,
        });
        if (isFault(secretHash)) return secretHash;
        const row = await store(k, {
          userId,
          projectId,
          sent: input,
          roles,
          expiresAtUs,
          secretHash,
        });
        return isFault(row)
          ? row
          : created('application_credential', { ...(await view(request, row)), secret });
      },
    }),
    route('GET', `${base}/:id`, {
      policy: 'identity:get_application_credential',
      faults: ['notFound'],
      async handler(request) {
        const row = await find(request, 'identity:get_application_credential');
        return isFault(row) ? row : shown('application_credential', await view(request, row));
      },
    }),
    route('DELETE', `${base}/:id`, {
      policy: 'identity:delete_application_credential',
      faults: ['notFound'],
      async handler(request) {
        const row =
          (await deniedToLent(k, request)) ??
          (await find(request, 'identity:delete_application_credential'));
        if (isFault(row)) return row;
        await deleteApplicationCredential(k.db, row.id);
        return noContent;
      },
    }),
  ];
}

/**
 * The requested roles and the roles they imply; without a request all roles that the token has on
 * this project. Never more than the token has.
 */
async function rolesFor(
  k: Keystone,
  request: ApiRequest<unknown>,
  projectId: string,
  wanted: Sent['roles'],
): Promise<Outcome<string[]>> {
  const has = await lendableRoles(k, request, projectId);
  if (isFault(has)) return has;
  if (wanted === undefined || wanted.length === 0) return [...has];
  const roleIds: string[] = [];
  for (const { id, name } of wanted) {
    const roleId = await findGlobalRoleId(k.db, { id, name });
    if (roleId === undefined || !(id ?? name)) return notFound('role', id ?? name ?? '');
    if (!has.has(roleId))
      return fault('badRequest', `The user has no role ${id ?? name} on the project.`);
    roleIds.push(roleId);
  }
  return [...withImplied(roleIds, await implications(k.db))].filter((id) => has.has(id));
}

/** µs since 1970; null: never. */
function expiryOf(input: Sent, nowMs: number): Outcome<number | null> {
  if (!input.expires_at) return null;
  const us = parseMicros(input.expires_at);
  if (us === undefined) return fault('badRequest', `expires_at is no time: ${input.expires_at}.`);
  return us > nowMs * 1000 ? us : fault('badRequest', 'expires_at is in the past.');
}

interface NewCredential {
  userId: string;
  projectId: string;
  sent: Sent;
  roles: string[];
  expiresAtUs: number | null;
  secretHash: string;
}

async function store(
  k: Keystone,
  { userId, projectId, sent: input, roles, expiresAtUs, secretHash }: NewCredential,
): Promise<Outcome<ApplicationCredentialRow>> {
  const row = {
    id: k.ids.hex(),
    user_id: userId,
    project_id: projectId,
    name: input.name.trim(),
    description: input.description ?? null,
    secret_hash: secretHash,
    expires_at_us: expiresAtUs,
    unrestricted: Number(input.unrestricted ?? false),
    roles: JSON.stringify(roles),
  };
  const rules = input.access_rules?.map(({ id, service, method, path }) => ({
    ...(id !== undefined && { id }),
    service: service ?? '',
    method: method ?? '',
    path: path ?? '',
  }));
  return (
    (await insertApplicationCredential(k.db, row, rules, () => k.ids.hex())) ??
    duplicateEntry('application_credential', input.name)
  );
}
