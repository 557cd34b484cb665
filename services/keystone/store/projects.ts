// Domains and projects in the database. A domain is a project with is_domain = 1.
import type { Db } from '../api/keystone.ts';
import type { ProjectRow } from './tables.ts';

export async function findProject(db: Db, id: string): Promise<ProjectRow | undefined> {
  return await db.selectFrom('project').selectAll().where('id', '=', id).executeTakeFirst();
}

export async function findDomain(db: Db, id: string): Promise<ProjectRow | undefined> {
  return await db
    .selectFrom('project')
    .selectAll()
    .where('id', '=', id)
    .where('is_domain', '=', 1)
    .executeTakeFirst();
}

/** `domainId` '' finds a domain. */
export async function findProjectByName(
  db: Db,
  domainId: string,
  name: string,
): Promise<ProjectRow | undefined> {
  return await db
    .selectFrom('project')
    .selectAll()
    .where('domain_id', '=', domainId)
    .where('name', '=', name)
    .executeTakeFirst();
}

/**
 * From the parent up to the domain. A project's depth is bounded by `maxProjectDepth` of
 * api/projects.ts.
 */
export async function ancestorsOf(db: Db, project: ProjectRow): Promise<ProjectRow[]> {
  const ancestors: ProjectRow[] = [];
  for (let id = project.parent_id; id !== null;) {
    const parent = await findProject(db, id);
    if (!parent) break;
    ancestors.push(parent);
    id = parent.parent_id;
  }
  return ancestors;
}

/** All below, level by level, without the project itself. */
export async function descendantsOf(db: Db, projectIds: readonly string[]): Promise<ProjectRow[]> {
  const found: ProjectRow[] = [];
  for (let level = [...projectIds]; level.length > 0;) {
    const children = await db
      .selectFrom('project')
      .selectAll()
      .where('parent_id', 'in', level)
      .orderBy('name')
      .execute();
    found.push(...children);
    level = children.map((child) => child.id);
  }
  return found;
}

export async function tagsOf(
  db: Db,
  projectIds: readonly string[],
): Promise<Map<string, string[]>> {
  const tags = new Map(projectIds.map((id) => [id, [] as string[]]));
  if (projectIds.length === 0) return tags;
  const rows = await db
    .selectFrom('project_tag')
    .selectAll()
    .where('project_id', 'in', projectIds)
    .orderBy('name')
    .execute();
  for (const row of rows) tags.get(row.project_id)?.push(row.name);
  return tags;
}

export async function replaceTags(
  db: Db,
  projectId: string,
  tags: readonly string[],
): Promise<void> {
  await db.deleteFrom('project_tag').where('project_id', '=', projectId).execute();
  if (tags.length > 0)
    await db
      .insertInto('project_tag')
      .values([...new Set(tags)].map((name) => ({ project_id: projectId, name })))
      .execute();
}

/**
 * The projects and all that hangs on them; tags, application credentials and domain configuration
 * go by foreign key.
 */
export async function deleteProjects(db: Db, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await db
    .deleteFrom('assignment')
    .where('target_id', 'in', ids)
    .where('target_kind', 'in', ['project', 'domain'])
    .execute();
  await db.deleteFrom('credential').where('project_id', 'in', ids).execute();
  await db.deleteFrom('trust').where('project_id', 'in', ids).execute();
  await db.deleteFrom('resource_limit').where('project_id', 'in', ids).execute();
  await db
    .updateTable('user')
    .set({ default_project_id: null })
    .where('default_project_id', 'in', ids)
    .execute();
  await db.deleteFrom('project').where('id', 'in', ids).execute();
}

/** A domain with its users, groups, roles and projects. */
export async function deleteDomain(db: Db, id: string): Promise<void> {
  const users = await db.selectFrom('user').select('id').where('domain_id', '=', id).execute();
  const groups = await db.selectFrom('group').select('id').where('domain_id', '=', id).execute();
  await deleteActors(
    db,
    'user',
    users.map((user) => user.id),
  );
  await deleteActors(
    db,
    'group',
    groups.map((group) => group.id),
  );
  await db.deleteFrom('role').where('domain_id', '=', id).execute();
  await db.deleteFrom('resource_limit').where('domain_id', '=', id).execute();
  await deleteProjects(db, [...(await descendantsOf(db, [id])).map((project) => project.id), id]);
}

/** Users or groups with their assignments; memberships and credentials go by foreign key. */
export async function deleteActors(
  db: Db,
  kind: 'user' | 'group',
  ids: readonly string[],
): Promise<void> {
  if (ids.length === 0) return;
  await db
    .deleteFrom('assignment')
    .where('actor_kind', '=', kind)
    .where('actor_id', 'in', ids)
    .execute();
  await db.deleteFrom(kind).where('id', 'in', ids).execute();
}
