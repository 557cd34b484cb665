// Routes that grant, check, list and revoke roles: for each kind of target below, for users and
// groups.
import { isFault, type Outcome } from '#contracts/common/fault.ts';
import { route, type ApiRequest, type Reply, type Route } from '#openstack/http/route.ts';
import { type HttpMethod } from '#platform/http/messages.ts';
import { withImplied } from '../domain/implied-roles.ts';
import { domainOfActor } from '../store/actors.ts';
import { grant, hasGrant, revoke, rolesGranted } from '../store/assignments.ts';
import { findDomain, findProject } from '../store/projects.ts';
import { findRole, globalRoles, implications } from '../store/roles.ts';
import type { AssignmentRow, RoleRow } from '../store/tables.ts';
import type { Keystone } from './keystone.ts';
import { denied, notFound } from './permit.ts';
import { noContent, listed } from './replies.ts';
import { roleView } from './roles.ts';

type Place = Pick<AssignmentRow, 'target_kind' | 'inherited'> & { prefix: string; suffix: string };

const places: readonly Place[] = [
  { target_kind: 'project', inherited: 0, prefix: '/v3/projects/:target_id', suffix: '' },
  { target_kind: 'domain', inherited: 0, prefix: '/v3/domains/:target_id', suffix: '' },
  { target_kind: 'system', inherited: 0, prefix: '/v3/system', suffix: '' },
  {
    target_kind: 'project',
    inherited: 1,
    prefix: '/v3/OS-INHERIT/projects/:target_id',
    suffix: '/inherited_to_projects',
  },
  {
    target_kind: 'domain',
    inherited: 1,
    prefix: '/v3/OS-INHERIT/domains/:target_id',
    suffix: '/inherited_to_projects',
  },
];

export function grantRoutes(k: Keystone): Route[] {
  return places.flatMap((place) =>
    (['user', 'group'] as const).flatMap((actor) => routesAt(k, place, actor)),
  );
}

function routesAt(k: Keystone, place: Place, actor: 'user' | 'group'): Route[] {
  const base = `${place.prefix}/${actor}s/:actor_id/roles`;
  const grants = { actor_kind: actor, target_kind: place.target_kind, inherited: place.inherited };

  /**
   * The grant that the path names. Without permission the answer is forbidden even if an object
   * does not exist: notFound would reveal which objects exist.
   */
  async function where(
    request: ApiRequest<unknown>,
    policy: string,
    role?: RoleRow,
  ): Promise<Outcome<Omit<AssignmentRow, 'role_id'>>> {
    const actorId = request.params['actor_id'] ?? '';
    const targetId =
      place.target_kind === 'system' ? 'system' : (request.params['target_id'] ?? '');
    const target =
      place.target_kind === 'project'
        ? await findProject(k.db, targetId)
        : place.target_kind === 'domain'
          ? await findDomain(k.db, targetId)
          : undefined;
    const actorDomain = await domainOfActor(k.db, actor, actorId);
    const refusal = denied(request, policy, {
      domain_id: place.target_kind === 'domain' ? target?.id : target?.domain_id,
      actor_domain_id: actorDomain,
      role_domain_id: role?.domain_id || null,
      role_name: role?.name,
      reaches_beyond: role && (await reachesBeyond(role)),
    });
    if (refusal) return refusal;
    if (place.target_kind !== 'system' && !target) return notFound(place.target_kind, targetId);
    return actorDomain === undefined
      ? notFound(actor, actorId)
      : { ...grants, actor_id: actorId, target_id: targetId };
  }

  /**
   * Whether the grant would have effect in the whole cloud: `admin` on a project, or `service`
   * anywhere, also if another role implies them.
   */
  async function reachesBeyond(role: RoleRow): Promise<boolean> {
    const ofTheDomain = place.target_kind === 'domain' && !place.inherited;
    const comesTo = await globalRoles(k.db, withImplied([role.id], await implications(k.db)));
    return comesTo.some(
      ({ name }) =>
        name.toLowerCase() === 'service' || (name.toLowerCase() === 'admin' && !ofTheDomain),
    );
  }

  const one = (
    method: HttpMethod,
    policy: string,
    act: (row: AssignmentRow) => Promise<Outcome<Reply>>,
  ): Route =>
    route(method, `${base}/:role_id${place.suffix}`, {
      policy,
      objectPolicy: true,
      faults: ['notFound'],
      async handler(request) {
        const roleId = request.params['role_id'] ?? '';
        const role = await findRole(k.db, roleId);
        const at = await where(request, policy, role);
        if (isFault(at)) return at;
        return role ? await act({ ...at, role_id: roleId }) : notFound('role', roleId);
      },
    });
  const unknown = (row: AssignmentRow) => notFound('role assignment with role', row.role_id);

  return [
    route('GET', `${base}${place.suffix}`, {
      policy: 'identity:list_grants',
      objectPolicy: true,
      faults: ['notFound'],
      async handler(request) {
        const at = await where(request, 'identity:list_grants');
        if (isFault(at)) return at;
        const rows = await rolesGranted(k.db, at);
        return listed(
          request,
          'roles',
          rows.map((row) => roleView(request, row)),
        );
      },
    }),
    // Idempotent: an existing grant stays as it is.
    one('PUT', 'identity:create_grant', async (row) => {
      await grant(k.db, row);
      return noContent;
    }),
    one('HEAD', 'identity:check_grant', async (row) =>
      (await hasGrant(k.db, row)) ? noContent : unknown(row),
    ),
    one('GET', 'identity:check_grant', async (row) =>
      (await hasGrant(k.db, row)) ? noContent : unknown(row),
    ),
    one('DELETE', 'identity:revoke_grant', async (row) =>
      (await revoke(k.db, row)) ? noContent : unknown(row),
    ),
  ];
}
