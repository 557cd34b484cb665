// GET /v3/role_assignments: the stored grants or, with `effective`, the resulting roles of users on
// projects.
import { fault, type Fault } from '#contracts/common/fault.ts';
import type { JsonObject } from '#contracts/common/json.ts';
import { route, type ApiRequest, type Route } from '#openstack/http/route.ts';
import { namesById, type Names } from '../store/assignment-names.ts';
import { listAssignments } from '../store/assignments.ts';
import { allMemberships } from '../store/groups.ts';
import { descendantsOf } from '../store/projects.ts';
import { globalRoleIds, implications } from '../store/roles.ts';
import type { AssignmentRow } from '../store/tables.ts';
import type { Keystone } from './keystone.ts';
import { queryValue, queryFlag, urlOf } from './replies.ts';

/** A stored grant or, with `effective`, a derived one and the grant it is derived from. */
interface Shown extends AssignmentRow {
  fromGroup?: string;
  fromTarget?: { kind: 'project' | 'domain'; id: string };
  fromRole?: string;
}

export function roleAssignmentRoutes(k: Keystone): Route[] {
  return [
    route('GET', '/v3/role_assignments', {
      policy: 'identity:list_role_assignments',
      async handler(request) {
        const effective = queryFlag(request, 'effective') ?? false;
        const refusal = clashOf(request, effective);
        if (refusal) return refusal;
        const stored = await listAssignments(k.db);
        const all: Shown[] = effective ? await effects(k, stored) : stored;
        const rows = all.filter(await wanted(k, request));
        const names = queryFlag(request, 'include_names') ? await namesById(k.db) : undefined;
        const query = request.queryString === '' ? '' : `?${request.queryString}`;
        return {
          status: 200,
          body: {
            role_assignments: rows.map((row) => view(request, row, names)),
            links: { next: null, previous: null, self: urlOf(request, `role_assignments${query}`) },
          },
        };
      },
    }),
  ];
}

/**
 * The effective assignments: groups expand to members, inherited grants to the projects below,
 * roles to the roles that they imply.
 */
async function effects(k: Keystone, stored: readonly AssignmentRow[]): Promise<Shown[]> {
  const members = await allMemberships(k.db);
  const implied = await implications(k.db);
  const global = await globalRoleIds(k.db);
  const effective: Shown[] = [];
  for (const row of stored) {
    const users =
      row.actor_kind === 'user'
        ? [{}]
        : members
            .filter((one) => one.group_id === row.actor_id)
            .map((one) => ({
              actor_kind: 'user' as const,
              actor_id: one.user_id,
              fromGroup: row.actor_id,
            }));
    const targets =
      row.inherited && row.target_kind !== 'system'
        ? (await descendantsOf(k.db, [row.target_id])).map((project) => ({
            target_kind: 'project' as const,
            target_id: project.id,
            inherited: 0,
            fromTarget: { kind: row.target_kind as 'project' | 'domain', id: row.target_id },
          }))
        : [{}];
    const roles = rolesWithOrigin(row.role_id, implied).filter(({ role_id }) =>
      global.has(role_id),
    );
    for (const user of users)
      for (const target of targets)
        for (const role of roles) effective.push({ ...row, ...user, ...target, ...role });
  }
  const key = (row: Shown): string =>
    [
      row.actor_id,
      row.target_kind,
      row.target_id,
      row.role_id,
      row.fromGroup,
      row.fromTarget?.id,
      row.fromRole,
    ].join();
  return [...new Map(effective.map((row) => [key(row), row])).values()];
}

function rolesWithOrigin(
  roleId: string,
  implied: ReadonlyMap<string, readonly string[]>,
): { role_id: string; fromRole?: string }[] {
  const rolesById = new Map<string, { role_id: string; fromRole?: string }>([
    [roleId, { role_id: roleId }],
  ]);
  for (const id of rolesById.keys())
    for (const next of implied.get(id) ?? [])
      if (!rolesById.has(next)) rolesById.set(next, { role_id: next, fromRole: id });
  return [...rolesById.values()];
}

/**
 * The fault for filters that contradict each other. Identity API, "List role assignments";
 * keystone.api.role_assignments.
 */
function clashOf(request: ApiRequest<unknown>, effective: boolean): Fault | undefined {
  const has = (...names: string[]): boolean => names.every((name) => queryValue(request, name));
  if (has('scope.domain.id', 'scope.project.id'))
    return fault('badRequest', 'Specify a domain or project, not both');
  if (has('scope.domain.id', 'scope.system'))
    return fault('badRequest', 'Specify system or domain, not both');
  if (has('scope.project.id', 'scope.system'))
    return fault('badRequest', 'Specify system or project, not both');
  if (has('user.id', 'group.id')) return fault('badRequest', 'Specify a user or group, not both');
  if (effective && has('group.id'))
    return fault(
      'badRequest',
      'Combining effective and group filter will always result in an empty list.',
    );
  const inherited = queryValue(request, 'scope.OS-INHERIT:inherited_to') === 'projects';
  if (effective && inherited && has('scope.domain.id'))
    return fault(
      'badRequest',
      'Combining effective, domain and inherited filters will always result in an empty list.',
    );
  if (queryFlag(request, 'include_subtree') && !has('scope.project.id'))
    return fault(
      'badRequest',
      'scope.project.id must be specified if include_subtree is also specified',
    );
  return undefined;
}

async function wanted(k: Keystone, request: ApiRequest<unknown>): Promise<(row: Shown) => boolean> {
  const [user, group, role, domain, system] = [
    'user.id',
    'group.id',
    'role.id',
    'scope.domain.id',
    'scope.system',
  ].map((name) => queryValue(request, name) || undefined);
  const inherited = queryValue(request, 'scope.OS-INHERIT:inherited_to');
  const project = queryValue(request, 'scope.project.id') || undefined;
  const projects =
    project === undefined
      ? undefined
      : new Set([
          project,
          ...(queryFlag(request, 'include_subtree')
            ? (await descendantsOf(k.db, [project])).map((row) => row.id)
            : []),
        ]);
  const own = request.allows('admin_or_system_reader') ? undefined : await ownDomain(k, request);
  return (row) =>
    (user === undefined || (row.actor_kind === 'user' && row.actor_id === user)) &&
    (group === undefined || (row.actor_kind === 'group' && row.actor_id === group)) &&
    (role === undefined || row.role_id === role) &&
    (projects === undefined || (row.target_kind === 'project' && projects.has(row.target_id))) &&
    (domain === undefined || (row.target_kind === 'domain' && row.target_id === domain)) &&
    (system === undefined || row.target_kind === 'system') &&
    // Any word other than `projects` selects grants that are not inherited.
    (inherited === undefined ||
      (row.inherited === 1 || row.fromTarget !== undefined) === (inherited === 'projects')) &&
    (own === undefined || own.has(row.target_id));
}

/** The targets visible to a domain's reader: the domain itself and its projects. */
async function ownDomain(k: Keystone, request: ApiRequest<unknown>): Promise<Set<string>> {
  const id = request.auth.domainId ?? '';
  return new Set([id, ...(await descendantsOf(k.db, [id])).map((row) => row.id)]);
}

function view(request: ApiRequest<unknown>, row: Shown, names: Names | undefined): JsonObject {
  const named = (id: string): JsonObject => ({ id, ...names?.get(id) });
  const scope: JsonObject =
    row.target_kind === 'system'
      ? { system: { all: true } }
      : { [row.target_kind]: named(row.target_id) };
  if (row.inherited === 1 || row.fromTarget) scope['OS-INHERIT:inherited_to'] = 'projects';
  const links: JsonObject = { assignment: urlOf(request, assignmentPath(row)) };
  if (row.fromGroup !== undefined)
    links['membership'] = urlOf(request, `groups/${row.fromGroup}/users/${row.actor_id}`);
  if (row.fromRole !== undefined)
    links['prior_role'] = urlOf(request, `prior_roles/${row.fromRole}/implies/${row.role_id}`);
  return { role: named(row.role_id), scope, [row.actor_kind]: named(row.actor_id), links };
}

/** The path of the stored grant, also for assignments derived from it. */
function assignmentPath(row: Shown): string {
  const actor =
    row.fromGroup !== undefined ? `groups/${row.fromGroup}` : `${row.actor_kind}s/${row.actor_id}`;
  const roleId = row.fromRole ?? row.role_id;
  if (row.target_kind === 'system') return `system/${actor}/roles/${roleId}`;
  const from = row.fromTarget ?? { kind: row.target_kind, id: row.target_id };
  const inherited = row.inherited === 1 || row.fromTarget !== undefined;
  return `${inherited ? 'OS-INHERIT/' : ''}${from.kind}s/${from.id}/${actor}/roles/${roleId}${inherited ? '/inherited_to_projects' : ''}`;
}
