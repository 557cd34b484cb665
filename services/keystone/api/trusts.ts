// /v3/OS-TRUST/trusts: a user delegates roles on a project to another user.
import { Type, type Static } from 'typebox';
import { fault, isFault, type Outcome } from '#contracts/common/fault.ts';
import type { JsonObject } from '#contracts/common/json.ts';
import { route, type ApiRequest, type Route } from '#openstack/http/route.ts';
import { isoMicroseconds } from '#platform/clock.ts';
import { type HttpMethod } from '#platform/http/messages.ts';
import { isExpired } from '../domain/trust.ts';
import { findProject } from '../store/projects.ts';
import { findGlobalRoleId, rolesWithIds } from '../store/roles.ts';
import type { RoleRow, TrustRow } from '../store/tables.ts';
import { findTrust, insertTrust, listLivingTrusts, markTrustDeleted } from '../store/trusts.ts';
import { userExists } from '../store/users.ts';
import { idText, text, wrapped } from './bodies.ts';
import type { Keystone } from './keystone.ts';
import { deniedToLent, lendableRoles } from './lent-rights.ts';
import { denied, notFound } from './permit.ts';
import { queryValue, created, noContent, listed, shown, urlOf } from './replies.ts';
import { roleView } from './roles.ts';

const createBody = wrapped('trust', {
  trustor_user_id: idText,
  trustee_user_id: idText,
  impersonation: Type.Boolean(),
  project_id: Type.Optional(Type.Union([idText, Type.Null()])),
  expires_at: Type.Optional(text),
  remaining_uses: Type.Optional(Type.Union([Type.Integer({ minimum: 1 }), Type.Null()])),
  roles: Type.Optional(
    Type.Array(Type.Object({ id: Type.Optional(idText), name: Type.Optional(Type.String()) })),
  ),
  allow_redelegation: Type.Optional(Type.Boolean()),
});
type Sent = Static<typeof createBody>['trust'];

export function trustRoutes(k: Keystone): Route[] {
  const rolesOf = async (row: TrustRow): Promise<RoleRow[]> =>
    await rolesWithIds(k.db, JSON.parse(row.roles) as string[]); // JSON from Keystone

  const brief = (request: ApiRequest<unknown>, row: TrustRow): JsonObject => ({
    id: row.id,
    trustor_user_id: row.trustor_user_id,
    trustee_user_id: row.trustee_user_id,
    project_id: row.project_id,
    impersonation: row.impersonation === 1,
    expires_at: row.expires_at === null ? null : isoMicroseconds(row.expires_at),
    remaining_uses: row.remaining_uses,
    deleted_at: null,
    redelegation_count: 0,
    redelegated_trust_id: null,
    links: { self: urlOf(request, `OS-TRUST/trusts/${row.id}`) },
  });
  async function full(request: ApiRequest<unknown>, row: TrustRow): Promise<JsonObject> {
    const roles = (await rolesOf(row)).map((role) => roleView(request, role));
    return {
      ...brief(request, row),
      roles,
      roles_links: {
        self: urlOf(request, `OS-TRUST/trusts/${row.id}/roles`),
        next: null,
        previous: null,
      },
    };
  }
  async function find(request: ApiRequest<unknown>, rule: string): Promise<Outcome<TrustRow>> {
    const id = request.params['trust_id'] ?? '';
    const row = await findTrust(k.db, id);
    if (!row || isExpired(row, k.clock.now())) return notFound('trust', id);
    return (
      denied(request, rule, {
        trustor_user_id: row.trustor_user_id,
        trustee_user_id: row.trustee_user_id,
      }) ?? row
    );
  }

  /** Ids of the roles to delegate; the trustor must have each of them. */
  async function lentRoles(request: ApiRequest<unknown>, input: Sent): Promise<Outcome<string[]>> {
    if (!input.project_id) return [];
    const has = await lendableRoles(k, request, input.project_id); // the caller is the trustor
    if (isFault(has)) return has;
    if (!input.roles?.length) return fault('forbidden', 'At least one role should be specified.');
    const ids: string[] = [];
    for (const { id, name } of input.roles) {
      const roleId = await findGlobalRoleId(k.db, { id, name });
      if (roleId === undefined) return notFound('role', id ?? name ?? '');
      if (!has.has(roleId))
        return fault('forbidden', 'The trustor does not have the role on the project.');
      ids.push(roleId);
    }
    return ids;
  }

  return [
    route('GET', '/v3/OS-TRUST/trusts', {
      policy: 'identity:list_trusts',
      objectPolicy: true,
      async handler(request) {
        const [trustor, trustee] = [
          queryValue(request, 'trustor_user_id'),
          queryValue(request, 'trustee_user_id'),
        ];
        const refusal = denied(request, 'identity:list_trusts', {
          trustor_user_id: trustor,
          trustee_user_id: trustee,
        });
        if (refusal) return refusal;
        const rows = await listLivingTrusts(k.db, k.clock.now(), {
          trustor_user_id: trustor,
          trustee_user_id: trustee,
        });
        return listed(
          request,
          'trusts',
          rows.map((row) => brief(request, row)),
        );
      },
    }),
    route<Static<typeof createBody>>('POST', '/v3/OS-TRUST/trusts', {
      policy: 'identity:create_trust',
      objectPolicy: true,
      body: createBody,
      faults: ['notFound'],
      async handler(request) {
        const { trust } = request.body;
        const refusal =
          denied(request, 'identity:create_trust', { trustor_user_id: trust.trustor_user_id }) ??
          (await deniedToLent(k, request));
        if (refusal) return refusal;
        const expiresAt = trust.expires_at ? Date.parse(trust.expires_at) : null;
        if (expiresAt !== null && !(expiresAt > k.clock.now()))
          return fault('badRequest', `expires_at is no time in the future: ${trust.expires_at}.`);
        if (!(await userExists(k.db, trust.trustee_user_id)))
          return notFound('user', trust.trustee_user_id);
        if (trust.project_id && !(await findProject(k.db, trust.project_id)))
          return notFound('project', trust.project_id);
        const roles = await lentRoles(request, trust);
        if (isFault(roles)) return roles;
        const row: TrustRow = {
          id: k.ids.hex(),
          trustor_user_id: trust.trustor_user_id,
          trustee_user_id: trust.trustee_user_id,
          project_id: trust.project_id ?? null,
          impersonation: Number(trust.impersonation),
          expires_at: expiresAt,
          remaining_uses: trust.remaining_uses ?? null,
          roles: JSON.stringify(roles),
          deleted_at: null,
        };
        await insertTrust(k.db, row);
        return created('trust', await full(request, row));
      },
    }),
    route('GET', '/v3/OS-TRUST/trusts/:trust_id', {
      policy: 'identity:get_trust',
      objectPolicy: true,
      faults: ['notFound'],
      async handler(request) {
        const row = await find(request, 'identity:get_trust');
        return isFault(row) ? row : shown('trust', await full(request, row));
      },
    }),
    route('DELETE', '/v3/OS-TRUST/trusts/:trust_id', {
      policy: 'identity:delete_trust',
      objectPolicy: true,
      faults: ['notFound'],
      async handler(request) {
        const row =
          (await deniedToLent(k, request)) ?? (await find(request, 'identity:delete_trust'));
        if (isFault(row)) return row;
        await markTrustDeleted(k.db, row.id, k.clock.now());
        return noContent;
      },
    }),
    route('GET', '/v3/OS-TRUST/trusts/:trust_id/roles', {
      policy: 'identity:get_trust',
      objectPolicy: true,
      faults: ['notFound'],
      async handler(request) {
        const row = await find(request, 'identity:get_trust');
        return isFault(row)
          ? row
          : listed(
              request,
              'roles',
              (await rolesOf(row)).map((role) => roleView(request, role)),
            );
      },
    }),
    ...(['GET', 'HEAD'] as HttpMethod[]).map((method) =>
      route(method, '/v3/OS-TRUST/trusts/:trust_id/roles/:role_id', {
        policy: 'identity:get_trust',
        objectPolicy: true,
        faults: ['notFound'],
        async handler(request) {
          const row = await find(request, 'identity:get_trust');
          if (isFault(row)) return row;
          const role = (await rolesOf(row)).find(({ id }) => id === request.params['role_id']);
          return role
            ? shown('role', roleView(request, role))
            : notFound('role', request.params['role_id'] ?? '');
        },
      }),
    ),
  ];
}
