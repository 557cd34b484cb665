// SQL of domains and projects. A domain is a project with is_domain = 1.
import { transaction } from '#platform/db/transaction.ts';
import { deleteActors } from './actors.ts';
import { filtered, type Filters } from './filter.ts';
import type { Db, ProjectRow } from './tables.ts';
import { unlessDuplicate } from './unless-duplicate.ts';

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

/** Finds a project of a domain by its name; with `domainId` '' a domain. */
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

export async function listProjects(
  db: Db,
  filters: Filters<'is_domain' | 'id' | 'name' | 'domain_id' | 'parent_id' | 'enabled'>,
): Promise<ProjectRow[]> {
  return await filtered(db.selectFrom('project').selectAll().orderBy('name'), filters).execute();
}

/** Ids of the projects in a domain. */
export async function projectIdsOfDomain(db: Db, domainId: string): Promise<Set<string>> {
  const rows = await db
    .selectFrom('project')
    .select('id')
    .where('domain_id', '=', domainId)
    .execute();
  return new Set(rows.map((row) => row.id));
}

/**
 * Inserts the project and its tags. Returns false if the name is taken: by a project of the same
 * domain, or for a domain by another domain.
 */
export async function insertProject(
  db: Db,
  row: ProjectRow,
  tags: readonly string[],
): Promise<boolean> {
  return await unlessDuplicate(() =>
    transaction(db, async (trx) => {
      await trx.insertInto('project').values(row).execute();
      await replaceTags(trx, row.id, tags);
    }),
  );
}

/**
 * Changes a project or domain. `tags` undefined: they stay. Returns false if the new name is taken.
 */
export async function updateProject(
  db: Db,
  id: string,
  changes: Partial<Omit<ProjectRow, 'id'>>,
  tags: readonly string[] | undefined,
): Promise<boolean> {
  return await unlessDuplicate(() =>
    transaction(db, async (trx) => {
      await trx.updateTable('project').set(changes).where('id', '=', id).execute();
      if (tags) await replaceTags(trx, id, tags);
    }),
  );
}

/**
 * The project's ancestors, from its parent up to the domain. Depth is bounded by `maxProjectDepth`
 * in api/projects.ts.
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

/** All projects below the given ones, level by level, without these themselves. */
export async function descendantsOf(db: Db, projectIds: readonly string[]): Promise<ProjectRow[]> {
  const descendants: ProjectRow[] = [];
  for (let level = [...projectIds]; level.length > 0;) {
    const children = await db
      .selectFrom('project')
      .selectAll()
      .where('parent_id', 'in', level)
      .orderBy('name')
      .execute();
    descendants.push(...children);
    level = children.map((child) => child.id);
  }
  return descendants;
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

export async function addTag(db: Db, projectId: string, tag: string): Promise<void> {
  await transaction(db, async (trx) => {
    const present = (await tagsOf(trx, [projectId])).get(projectId) ?? [];
    await replaceTags(trx, projectId, [...present, tag]);
  });
}

/** Returns false if the project did not have the tag. */
export async function removeTag(db: Db, projectId: string, tag: string): Promise<boolean> {
  const { numDeletedRows } = await db
    .deleteFrom('project_tag')
    .where('project_id', '=', projectId)
    .where('name', '=', tag)
    .executeTakeFirst();
  return numDeletedRows > 0n;
}

/**
 * Deletes projects and everything that belongs to them; foreign keys delete tags, application
 * credentials and domain configuration.
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

/** Deletes a domain with its users, groups, roles and projects. */
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
