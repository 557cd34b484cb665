// Server groups: the scheduler keeps their members on the same host (affinity) or on different
// hosts (anti-affinity).
// https://docs.openstack.org/api-ref/compute/#server-groups-os-server-groups
import Type from 'typebox';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { JsonObject } from '#contracts/common/json.ts';
import type { ServerGroupPolicy } from '#contracts/nova/server-groups.ts';
import { serverGroupPolicies } from '#contracts/nova/server-groups.ts';
import type { ApiRequest, Reply, Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import type { NovaDeps } from '../deps.ts';
import { quotaLimits } from '../store/quotas.ts';
import {
  deleteServerGroup,
  findServerGroup,
  insertServerGroup,
  listServerGroups,
  membersOfGroups,
} from '../store/server-groups.ts';
import type { ServerGroupRow } from '../store/tables.ts';
import { maxInteger, numberSchema } from './field-schemas.ts';
import { first, isAdmin, scopeOf, strictQueriesSince, unknownQuery } from './request.ts';
import { nameSchema } from './servers/create-schema.ts';

interface CreateBody {
  server_group: {
    name: string;
    policies?: [ServerGroupPolicy];
    policy?: ServerGroupPolicy;
    rules?: { max_server_per_host?: number | string };
  };
}

const projectSince = 13;
const softSince = 15;
const rulesSince = 64;

const strict = { additionalProperties: false };
const oneOf = (policies: readonly ServerGroupPolicy[]) =>
  Type.Union(policies.map((policy) => Type.Literal(policy)));
const inList = (policies: readonly ServerGroupPolicy[]) =>
  Type.Object(
    {
      server_group: Type.Object(
        {
          name: nameSchema,
          policies: Type.Array(oneOf(policies), { minItems: 1, maxItems: 1 }),
        },
        strict,
      ),
    },
    strict,
  );
const createBody = [
  { from: 0, schema: inList(['anti-affinity', 'affinity']) },
  { from: softSince, schema: inList(serverGroupPolicies) },
  {
    from: rulesSince,
    schema: Type.Object(
      {
        server_group: Type.Object(
          {
            name: nameSchema,
            policy: oneOf(serverGroupPolicies),
            rules: Type.Optional(
              Type.Object({ max_server_per_host: Type.Optional(numberSchema(1)) }, strict),
            ),
          },
          strict,
        ),
      },
      strict,
    ),
  },
];

const path = '/v2.1/os-server-groups';
const policy = (name: string): string => `os_compute_api:os-server-groups:${name}`;

export function serverGroupRoutes(deps: NovaDeps): readonly Route[] {
  const { db } = deps.database;
  return [
    route('GET', path, {
      policy: policy('index'),
      handler: async (request) => {
        const window = windowOf(request, deps.config.maxListLimit);
        if (isFault(window)) return window;
        // As in Nova, `all_projects` from a caller who is not an administrator is accepted and
        // ignored.
        const everywhere = request.query['all_projects'] !== undefined && isAdmin(request);
        if (everywhere && !request.allows(policy('index:all_projects')))
          return fault(
            'forbidden',
            `Policy doesn't allow ${policy('index:all_projects')} to be performed.`,
          );
        const scope = everywhere ? null : (request.auth.projectId ?? '');
        const groups = await listServerGroups(db, scope, window);
        const members = await membersOfGroups(
          db,
          groups.map(({ id }) => id),
        );
        return {
          status: 200,
          body: {
            server_groups: groups.map((group) =>
              groupView(group, members.get(group.id) ?? [], request.version),
            ),
          },
        };
      },
    }),
    route<CreateBody>('POST', path, {
      policy: policy('create'),
      body: createBody,
      faults: ['overQuota'],
      handler: async (request) => await createServerGroup(deps, request),
    }),
    route('GET', `${path}/:id`, {
      policy: policy('show'),
      faults: ['notFound'],
      handler: async (request) => {
        const id = request.params['id'] ?? '';
        const group = await findServerGroup(db, id, scopeOf(request));
        if (!group) return missingGroup(id);
        const members = (await membersOfGroups(db, [id])).get(id) ?? [];
        return {
          status: 200,
          body: { server_group: groupView(group, members, request.version) },
        };
      },
    }),
    route('DELETE', `${path}/:id`, {
      policy: policy('delete'),
      faults: ['notFound'],
      handler: async (request) => {
        const id = request.params['id'] ?? '';
        return (await deleteServerGroup(db, id, scopeOf(request)))
          ? { status: 204 }
          : missingGroup(id);
      },
    }),
  ];
}

const missingGroup = (id: string) => fault('notFound', `Instance group ${id} could not be found.`);

async function createServerGroup(
  deps: NovaDeps,
  request: ApiRequest<CreateBody>,
): Promise<Outcome<Reply>> {
  const { db } = deps.database;
  const { auth } = request;
  const { name, policies, policy: one, rules = {} } = request.body.server_group;
  const wanted = one ?? policies?.[0];
  if (wanted === undefined) throw new Error('the schema let a group without a policy through');
  if (wanted !== 'anti-affinity' && Object.keys(rules).length > 0)
    return fault('badRequest', 'Only anti-affinity policy supports rules.');
  if (auth.projectId === null)
    return fault(
      'forbidden',
      'A server group belongs to a project: the token must be scoped to one.',
    );
  const { max_server_per_host: most } = rules;
  const row = {
    id: deps.ids.uuid(),
    project_id: auth.projectId,
    user_id: auth.userId,
    name,
    policy: wanted,
    max_server_per_host: most === undefined ? null : Number(most),
    created_at_ms: deps.clock.now(),
  };
  const limits = {
    project: (await quotaLimits(db, auth.projectId)).server_groups,
    user: (await quotaLimits(db, auth.projectId, auth.userId)).server_groups,
  };
  if ((await insertServerGroup(db, row, limits)) === 'full')
    return fault('overQuota', 'Quota exceeded, too many server groups.');
  return { status: 200, body: { server_group: groupView(row, [], request.version) } };
}

/**
 * The query's `offset` and `limit`; limit 0 means the maximum. badRequest: not an integer; from
 * 2.75 on also an unknown parameter. nova.api.openstack.common, limited
 */
function windowOf(
  request: ApiRequest<unknown>,
  maxLimit: number,
): Outcome<{ offset: number; limit: number }> {
  const unknown =
    request.version < strictQueriesSince
      ? undefined
      : unknownQuery(request, ['all_projects', 'limit', 'offset']);
  if (unknown) return unknown;
  const [offset, limit] = ['offset', 'limit'].map((name) => first(request, name) ?? '0');
  for (const text of [offset, limit])
    if (!/^\d{1,10}$/.test(text ?? '') || Number(text) > maxInteger)
      return fault(
        'badRequest',
        `Invalid input for query parameters: '${text}' is not a whole number, 0 or more.`,
      );
  return { offset: Number(offset), limit: Math.min(Number(limit) || maxLimit, maxLimit) };
}

type Shown = Omit<ServerGroupRow, 'number' | 'generation' | 'joins'>;

/** Until 2.63 the policy is shown as a list with one element, and the metadata is empty. */
function groupView(group: Shown, members: readonly string[], version: number): JsonObject {
  return {
    id: group.id,
    name: group.name,
    ...(version < rulesSince
      ? { policies: [group.policy], metadata: {} }
      : {
          policy: group.policy,
          rules:
            group.max_server_per_host === null
              ? {}
              : { max_server_per_host: group.max_server_per_host },
        }),
    members: [...members],
    ...(version >= projectSince && { project_id: group.project_id, user_id: group.user_id }),
  };
}
