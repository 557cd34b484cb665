// Giving and taking roles: one row of the table below for each place a role may be given at, times users and groups.
import { isFault, type Outcome } from '#contracts/common/fault.ts';
import { route, type ApiRequest, type HttpMethod, type Reply, type Route } from '#platform/http/api.ts';
import { notFound } from '#services/keystone/api/permit.ts';
import { roleView } from '#services/keystone/api/roles.ts';
import { done, listed } from '#services/keystone/api/shapes.ts';
import type { Keystone } from '#services/keystone/keystone.ts';
import { grant, hasGrant, revoke } from '#services/keystone/store/assignments.ts';
import { findDomain, findProject } from '#services/keystone/store/projects.ts';
import type { AssignmentRow, RoleRow } from '#services/keystone/store/tables.ts';

type Place = Pick<AssignmentRow, 'target_kind' | 'inherited'> & { prefix: string; suffix: string };

const places: readonly Place[] = [
  { target_kind: 'project', inherited: 0, prefix: '/v3/projects/:target_id', suffix: '' },
  { target_kind: 'domain', inherited: 0, prefix: '/v3/domains/:target_id', suffix: '' },
  { target_kind: 'system', inherited: 0, prefix: '/v3/system', suffix: '' },
  { target_kind: 'project', inherited: 1, prefix: '/v3/OS-INHERIT/projects/:target_id', suffix: '/inherited_to_projects' },
  { target_kind: 'domain', inherited: 1, prefix: '/v3/OS-INHERIT/domains/:target_id', suffix: '/inherited_to_projects' },
];

export function grantRoutes(k: Keystone): Route[] {
  return places.flatMap((place) => (['user', 'group'] as const).flatMap((actor) => routesAt(k, place, actor)));
}

function routesAt(k: Keystone, place: Place, actor: 'user' | 'group'): Route[] {
  const base = `${place.prefix}/${actor}s/:actor_id/roles`;
  const grants = { actor_kind: actor, target_kind: place.target_kind, inherited: place.inherited };

  /** Whose grant where; notFound for an unknown actor or target. */
  async function where(request: ApiRequest<unknown>): Promise<Outcome<Omit<AssignmentRow, 'role_id'>>> {
    const actorId = request.params['actor_id'] ?? '';
    const targetId = place.target_kind === 'system' ? 'system' : (request.params['target_id'] ?? '');
    if (place.target_kind === 'project' && !(await findProject(k.db, targetId))) return notFound('project', targetId);
    if (place.target_kind === 'domain' && !(await findDomain(k.db, targetId))) return notFound('domain', targetId);
    const there = await k.db.selectFrom(actor).select('id').where('id', '=', actorId).executeTakeFirst();
    return there ? { ...grants, actor_id: actorId, target_id: targetId } : notFound(actor, actorId);
  }

  const one = (method: HttpMethod, policy: string, act: (row: AssignmentRow) => Promise<Outcome<Reply>>): Route => route({
    method, path: `${base}/:role_id${place.suffix}`, policy, faults: ['notFound'],
    async handler(request) {
      const at = await where(request);
      if (isFault(at)) return at;
      const roleId = request.params['role_id'] ?? '';
      const role = await k.db.selectFrom('role').select('id').where('id', '=', roleId).executeTakeFirst();
      return role ? await act({ ...at, role_id: roleId }) : notFound('role', roleId);
    },
  });
  const unknown = (row: AssignmentRow) => notFound('role assignment with role', row.role_id);

  return [
    route({
      method: 'GET', path: `${base}${place.suffix}`, policy: 'identity:list_grants', faults: ['notFound'],
      async handler(request) {
        const at = await where(request);
        if (isFault(at)) return at;
        const rows: RoleRow[] = await k.db.selectFrom('assignment').innerJoin('role', 'role.id', 'assignment.role_id').selectAll('role')
          .where('actor_kind', '=', at.actor_kind).where('actor_id', '=', at.actor_id)
          .where('target_kind', '=', at.target_kind).where('target_id', '=', at.target_id).where('inherited', '=', at.inherited)
          .orderBy('role.name').execute();
        return listed(request, 'roles', rows.map((row) => roleView(request, row)));
      },
    }),
    // Safe to repeat: a grant that is there stays.
    one('PUT', 'identity:create_grant', async (row) => {
      await grant(k.db, row);
      return done;
    }),
    one('HEAD', 'identity:check_grant', async (row) => ((await hasGrant(k.db, row)) ? done : unknown(row))),
    one('GET', 'identity:check_grant', async (row) => ((await hasGrant(k.db, row)) ? done : unknown(row))),
    one('DELETE', 'identity:revoke_grant', async (row) => ((await revoke(k.db, row)) ? done : unknown(row))),
  ];
}
