// /v3/roles: roles, and which roles imply which.
import { Type, type Static } from 'typebox';
import { fault, isFault, type Outcome } from '#contracts/common/fault.ts';
import type { JsonObject } from '#contracts/common/json.ts';
import { route, type ApiRequest, type Reply, type Route } from '#openstack/http/route.ts';
import { type HttpMethod } from '#platform/http/messages.ts';
import { withImplied } from '../domain/implied-roles.ts';
import { findDomain } from '../store/projects.ts';
import {
  addImplication,
  deleteRole,
  findRole,
  implications,
  insertRole,
  listRoles,
  removeImplication,
  rolesImpliedBy,
  updateRole,
} from '../store/roles.ts';
import type { RoleRow } from '../store/tables.ts';
import { extraOf, idText, nameOf, parsed, text, wrapped } from './bodies.ts';
import type { Keystone } from './keystone.ts';
import { deniedByImmutable, mergedOptions, resourceOptions } from './options.ts';
import { denied, notFound, duplicateEntry } from './permit.ts';
import { queryValue, created, noContent, listed, shown, urlOf } from './replies.ts';

const columns = ['id', 'name', 'domain_id', 'description', 'options'];
const attributes = {
  description: Type.Optional(text),
  options: Type.Optional(resourceOptions),
  domain_id: Type.Optional(Type.Union([idText, Type.Null()])),
};
const createBody = wrapped('role', { name: nameOf(255), ...attributes });
const updateBody = wrapped(
  'role',
  { name: Type.Optional(nameOf(255)), ...attributes },
  { minProperties: 1 },
);

export function roleView(request: ApiRequest<unknown>, row: RoleRow): JsonObject {
  return {
    ...parsed(row.extra),
    id: row.id,
    name: row.name,
    domain_id: row.domain_id || null,
    description: row.description,
    options: parsed(row.options),
    links: { self: urlOf(request, `roles/${row.id}`) },
  };
}

export function roleRoutes(k: Keystone): Route[] {
  async function find(id: string): Promise<Outcome<RoleRow>> {
    return (await findRole(k.db, id)) ?? notFound('role', id);
  }

  return [
    route('GET', '/v3/roles', {
      policy: 'identity:list_roles',
      async handler(request) {
        const refusal = queryValue(request, 'domain_id')
          ? denied(request, 'identity:list_domain_roles', {})
          : undefined;
        if (refusal) return refusal;
        // Without ?domain_id the list contains only global roles. Identity API, "List roles".
        const rows = await listRoles(k.db, {
          name: queryValue(request, 'name'),
          domain_id: queryValue(request, 'domain_id') ?? '',
        });
        return listed(
          request,
          'roles',
          rows.map((row) => roleView(request, row)),
          ['name', 'domain_id'],
        );
      },
    }),
    route<Static<typeof createBody>>('POST', '/v3/roles', {
      policy: 'identity:create_role',
      body: createBody,
      faults: ['conflict', 'notFound'],
      async handler(request) {
        const { role } = request.body;
        if (role.domain_id && !(await findDomain(k.db, role.domain_id)))
          return notFound('domain', role.domain_id);
        const row: RoleRow = {
          id: k.ids.hex(),
          name: role.name.trim(),
          domain_id: role.domain_id ?? '',
          description: role.description ?? null,
          options: mergedOptions(role.options ?? {}),
          extra: extraOf(role, columns),
        };
        if (!(await insertRole(k.db, row))) return duplicateEntry('role', row.name);
        return created('role', roleView(request, row));
      },
    }),
    route('GET', '/v3/roles/:role_id', {
      policy: 'identity:get_role',
      objectPolicy: true,
      faults: ['notFound'],
      async handler(request) {
        const row = await find(request.params['role_id'] ?? '');
        const target = isFault(row)
          ? {}
          : { role_name: row.name, role_domain_id: row.domain_id || null };
        const refusal = denied(
          request,
          isFault(row) || row.domain_id ? 'identity:get_domain_role' : 'identity:get_role',
          target,
        );
        if (refusal) return refusal;
        return isFault(row) ? row : shown('role', roleView(request, row));
      },
    }),
    route<Static<typeof updateBody>>('PATCH', '/v3/roles/:role_id', {
      policy: 'identity:update_role',
      body: updateBody,
      faults: ['notFound', 'conflict'],
      async handler(request) {
        const { role } = request.body;
        const row = await find(request.params['role_id'] ?? '');
        if (isFault(row)) return row;
        const wrong = deniedByImmutable('role', row, role);
        if (wrong) return wrong;
        if (role.domain_id !== undefined && (role.domain_id ?? '') !== row.domain_id)
          return fault('badRequest', 'The domain_id of a role cannot be changed.');
        const changes = {
          ...(role.name !== undefined && { name: role.name.trim() }),
          ...(role.description !== undefined && { description: role.description }),
          ...(role.options !== undefined && { options: mergedOptions(role.options, row.options) }),
          extra: extraOf(role, columns, row.extra),
        };
        if (!(await updateRole(k.db, row.id, changes)))
          return duplicateEntry('role', changes.name ?? row.name);
        return shown('role', roleView(request, { ...row, ...changes }));
      },
    }),
    route('DELETE', '/v3/roles/:role_id', {
      policy: 'identity:delete_role',
      faults: ['notFound'],
      async handler(request) {
        const row = await find(request.params['role_id'] ?? '');
        if (isFault(row)) return row;
        const wrong = deniedByImmutable('role', row);
        if (wrong) return wrong;
        await deleteRole(k.db, row.id);
        return noContent;
      },
    }),
    ...inferenceRoutes(k, find),
  ];
}

function inferenceRoutes(k: Keystone, find: (id: string) => Promise<Outcome<RoleRow>>): Route[] {
  const brief = (request: ApiRequest<unknown>, row: RoleRow): JsonObject => ({
    id: row.id,
    name: row.name,
    links: { self: urlOf(request, `roles/${row.id}`) },
  });

  /** A route on one inference rule; both roles must exist, otherwise 404. */
  const rule = (
    method: HttpMethod,
    policy: string,
    act: (
      request: ApiRequest<unknown>,
      prior: RoleRow,
      implied: RoleRow,
    ) => Promise<Outcome<Reply>>,
  ): Route =>
    route(method, '/v3/roles/:prior_role_id/implies/:implied_role_id', {
      policy,
      faults: ['notFound'],
      async handler(request) {
        const prior = await find(request.params['prior_role_id'] ?? '');
        if (isFault(prior)) return prior;
        const implied = await find(request.params['implied_role_id'] ?? '');
        return isFault(implied) ? implied : await act(request, prior, implied);
      },
    });
  const document = (
    request: ApiRequest<unknown>,
    prior: RoleRow,
    implied: RoleRow,
    status: number,
  ): Reply => ({
    status,
    body: {
      role_inference: { prior_role: brief(request, prior), implies: brief(request, implied) },
      links: { self: `${request.baseUrl}${request.path}` },
    },
  });
  const exists = async (prior: RoleRow, implied: RoleRow): Promise<boolean> =>
    (await rolesImpliedBy(k.db, prior.id)).some((row) => row.id === implied.id);
  const unknown = (prior: RoleRow, implied: RoleRow) =>
    notFound('role inference rule', `${prior.id} implies ${implied.id}`);

  return [
    route('GET', '/v3/roles/:prior_role_id/implies', {
      policy: 'identity:list_implied_roles',
      faults: ['notFound'],
      async handler(request) {
        const prior = await find(request.params['prior_role_id'] ?? '');
        if (isFault(prior)) return prior;
        const implied = await rolesImpliedBy(k.db, prior.id);
        return {
          status: 200,
          body: {
            role_inference: {
              prior_role: brief(request, prior),
              implies: implied.map((row) => brief(request, row)),
            },
            links: { self: `${request.baseUrl}${request.path}` },
          },
        };
      },
    }),
    rule('PUT', 'identity:create_implied_role', async (request, prior, implied) => {
      // A global role must not imply a domain-specific one. Identity API, "Create role inference
      // rule".
      if (implied.domain_id !== '' && prior.domain_id === '')
        return fault('forbidden', 'A global role cannot imply a domain-specific role.');
      if (withImplied([implied.id], await implications(k.db)).has(prior.id))
        return fault('badRequest', 'The rule would make a role imply itself.');
      await addImplication(k.db, prior.id, implied.id);
      return document(request, prior, implied, 201);
    }),
    rule('GET', 'identity:get_implied_role', async (request, prior, implied) =>
      (await exists(prior, implied))
        ? document(request, prior, implied, 200)
        : unknown(prior, implied),
    ),
    rule('HEAD', 'identity:get_implied_role', async (_, prior, implied) =>
      (await exists(prior, implied)) ? noContent : unknown(prior, implied),
    ),
    rule('DELETE', 'identity:delete_implied_role', async (_, prior, implied) =>
      (await removeImplication(k.db, prior.id, implied.id)) ? noContent : unknown(prior, implied),
    ),
    route('GET', '/v3/role_inferences', {
      policy: 'identity:list_role_inference_rules',
      async handler(request) {
        const roles = new Map((await listRoles(k.db, {})).map((row) => [row.id, row]));
        const rules = [...(await implications(k.db))].flatMap(([priorId, impliedIds]) => {
          const prior = roles.get(priorId);
          return prior
            ? [
                {
                  prior_role: brief(request, prior),
                  implies: impliedIds
                    .flatMap((id) => roles.get(id) ?? [])
                    .map((row) => brief(request, row)),
                },
              ]
            : [];
        });
        return {
          status: 200,
          body: { role_inferences: rules, links: { self: urlOf(request, 'role_inferences') } },
        };
      },
    }),
  ];
}
