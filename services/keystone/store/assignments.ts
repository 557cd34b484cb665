// SQL of role assignments: the stored grants, and the roles that result through groups, inheritance
// and implication.
import { upsert } from '#platform/db/transaction.ts';
import { withImplied } from '../domain/implied-roles.ts';
import type { TokenScope } from '../domain/token-payload.ts';
import { ancestorsOf, descendantsOf } from './projects.ts';
import { implications } from './roles.ts';
import type { AssignmentRow, Db, ProjectRow, RoleRow } from './tables.ts';

/** Grants to the user and to the user's groups. */
export async function grantsOf(db: Db, userId: string): Promise<AssignmentRow[]> {
  const groups = db.selectFrom('membership').select('group_id').where('user_id', '=', userId);
  return await db
    .selectFrom('assignment')
    .selectAll()
    .where((eb) =>
      eb.or([
        eb.and([eb('actor_kind', '=', 'user'), eb('actor_id', '=', userId)]),
        eb.and([eb('actor_kind', '=', 'group'), eb('actor_id', 'in', groups)]),
      ]),
    )
    .execute();
}

/** Ids of the user's roles in a scope, including implied and domain-specific roles. */
export async function roleIdsIn(
  db: Db,
  userId: string,
  scope: TokenScope,
  project: ProjectRow | undefined,
): Promise<Set<string>> {
  const grants = await grantsOf(db, userId);
  const above =
    scope.kind === 'project' && project && grants.some((grant) => grant.inherited)
      ? new Set((await ancestorsOf(db, project)).map((one) => one.id))
      : new Set<string>();
  const counts = (grant: AssignmentRow): boolean => {
    if (grant.inherited) return above.has(grant.target_id);
    return (
      grant.target_kind === scope.kind &&
      (scope.kind === 'system' || ('id' in scope && grant.target_id === scope.id))
    );
  };
  return withImplied(
    grants.filter(counts).map((grant) => grant.role_id),
    await implications(db),
  );
}

/**
 * Enabled projects and domains on which the user has a role: granted directly, through a group, or
 * inherited.
 */
export async function reachableBy(
  db: Db,
  userId: string,
): Promise<{ projects: ProjectRow[]; domains: ProjectRow[]; system: boolean }> {
  const grants = await grantsOf(db, userId);
  const direct = grants.filter((grant) => !grant.inherited);
  const below = await descendantsOf(
    db,
    grants.filter((grant) => grant.inherited).map((grant) => grant.target_id),
  );
  const ids = [
    ...new Set([...direct.map((grant) => grant.target_id), ...below.map((project) => project.id)]),
  ];
  const rows =
    ids.length === 0
      ? []
      : await db
          .selectFrom('project')
          .selectAll()
          .where('id', 'in', ids)
          .where('enabled', '=', 1)
          .orderBy('name')
          .execute();
  const asDomain = new Set(
    direct.filter((grant) => grant.target_kind === 'domain').map((grant) => grant.target_id),
  );
  const asProject = new Set([
    ...direct.filter((grant) => grant.target_kind === 'project').map((grant) => grant.target_id),
    ...below.map((project) => project.id),
  ]);
  return {
    projects: rows.filter((row) => asProject.has(row.id)),
    domains: rows.filter((row) => asDomain.has(row.id)),
    system: direct.some((grant) => grant.target_kind === 'system'),
  };
}

/** Adds a grant. Idempotent, also under concurrency. */
export async function grant(db: Db, row: AssignmentRow): Promise<void> {
  await upsert(db, 'assignment', row, keyColumns);
}

/** All grants as stored; groups and inheritance are not expanded. */
export async function listAssignments(db: Db): Promise<AssignmentRow[]> {
  return await db
    .selectFrom('assignment')
    .selectAll()
    .orderBy('actor_id')
    .orderBy('target_id')
    .orderBy('role_id')
    .execute();
}

/** The roles granted to one actor on one target, sorted by name. */
export async function rolesGranted(
  db: Db,
  place: Omit<AssignmentRow, 'role_id'>,
): Promise<RoleRow[]> {
  return await db
    .selectFrom('assignment')
    .innerJoin('role', 'role.id', 'assignment.role_id')
    .selectAll('role')
    .where('actor_kind', '=', place.actor_kind)
    .where('actor_id', '=', place.actor_id)
    .where('target_kind', '=', place.target_kind)
    .where('target_id', '=', place.target_id)
    .where('inherited', '=', place.inherited)
    .orderBy('role.name')
    .execute();
}

export async function hasGrant(db: Db, row: AssignmentRow): Promise<boolean> {
  return (await grantQuery(db, row).executeTakeFirst()) !== undefined;
}

/** Returns false if there was no such grant. */
export async function revoke(db: Db, row: AssignmentRow): Promise<boolean> {
  let query = db.deleteFrom('assignment');
  for (const column of keyColumns) query = query.where(column, '=', row[column]);
  return (await query.executeTakeFirst()).numDeletedRows > 0n;
}

const keyColumns = [
  'actor_kind',
  'actor_id',
  'target_kind',
  'target_id',
  'role_id',
  'inherited',
] as const;

function grantQuery(db: Db, row: AssignmentRow) {
  let query = db.selectFrom('assignment').select('role_id');
  for (const column of keyColumns) query = query.where(column, '=', row[column]);
  return query;
}
