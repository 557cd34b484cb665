// SQL of endpoint groups, and of the endpoints that a project's catalog contains: those associated
// with the project, singly or by group; all if none are associated.
import { upsert } from '#platform/db/transaction.ts';
import { inGroup } from '../domain/endpoint-filter.ts';
import { filtered, type Filters } from './filter.ts';
import type { Db, EndpointGroupRow, EndpointRow, ProjectRow } from './tables.ts';

export async function findEndpointGroup(db: Db, id: string): Promise<EndpointGroupRow | undefined> {
  return await db.selectFrom('endpoint_group').selectAll().where('id', '=', id).executeTakeFirst();
}

export async function listEndpointGroups(
  db: Db,
  filters: Filters<'name'>,
): Promise<EndpointGroupRow[]> {
  const query = db.selectFrom('endpoint_group').selectAll().orderBy('name');
  return await filtered(query, filters).execute();
}

export async function insertEndpointGroup(db: Db, row: EndpointGroupRow): Promise<void> {
  await db.insertInto('endpoint_group').values(row).execute();
}

export async function updateEndpointGroup(
  db: Db,
  id: string,
  changes: Partial<Omit<EndpointGroupRow, 'id'>>,
): Promise<void> {
  await db.updateTable('endpoint_group').set(changes).where('id', '=', id).execute();
}

export async function deleteEndpointGroup(db: Db, id: string): Promise<void> {
  await db.deleteFrom('endpoint_group').where('id', '=', id).execute();
}

export async function endpointGroupsOfProject(
  db: Db,
  projectId: string,
): Promise<EndpointGroupRow[]> {
  return await db
    .selectFrom('project_endpoint_group')
    .innerJoin('endpoint_group', 'endpoint_group.id', 'project_endpoint_group.endpoint_group_id')
    .selectAll('endpoint_group')
    .where('project_endpoint_group.project_id', '=', projectId)
    .orderBy('endpoint_group.name')
    .execute();
}

export async function projectsOfEndpointGroup(db: Db, groupId: string): Promise<ProjectRow[]> {
  return await db
    .selectFrom('project_endpoint_group')
    .innerJoin('project', 'project.id', 'project_endpoint_group.project_id')
    .selectAll('project')
    .where('project_endpoint_group.endpoint_group_id', '=', groupId)
    .orderBy('project.name')
    .execute();
}

export async function projectsOfEndpoint(db: Db, endpointId: string): Promise<ProjectRow[]> {
  return await db
    .selectFrom('project_endpoint')
    .innerJoin('project', 'project.id', 'project_endpoint.project_id')
    .selectAll('project')
    .where('project_endpoint.endpoint_id', '=', endpointId)
    .orderBy('project.name')
    .execute();
}

/**
 * The endpoints visible to a project, as if upstream's return_all_endpoints_if_no_filter were on.
 */
export async function visibleTo(
  db: Db,
  projectId: string,
  endpoints: EndpointRow[],
): Promise<EndpointRow[]> {
  const associated = await db
    .selectFrom('project_endpoint')
    .select('endpoint_id')
    .where('project_id', '=', projectId)
    .execute();
  const groups = await endpointGroupsOfProject(db, projectId);
  if (associated.length === 0 && groups.length === 0) return endpoints;
  const ids = new Set(associated.map((row) => row.endpoint_id));
  return endpoints.filter(
    (endpoint) => ids.has(endpoint.id) || groups.some((group) => inGroup(endpoint, group)),
  );
}

/** An association of a project with an endpoint or an endpoint group. */
export interface Association {
  kind: 'endpoint' | 'endpoint_group';
  id: string;
  projectId: string;
}

/** Whether the endpoint or endpoint group exists. */
export async function isAssociable(
  db: Db,
  { kind, id }: Pick<Association, 'kind' | 'id'>,
): Promise<boolean> {
  const row = await db.selectFrom(kind).select('id').where('id', '=', id).executeTakeFirst();
  return row !== undefined;
}

/** Adds the association. Idempotent. */
export async function associate(db: Db, { kind, id, projectId }: Association): Promise<void> {
  if (kind === 'endpoint')
    await upsert(db, 'project_endpoint', { project_id: projectId, endpoint_id: id }, [
      'project_id',
      'endpoint_id',
    ]);
  else
    await upsert(db, 'project_endpoint_group', { project_id: projectId, endpoint_group_id: id }, [
      'project_id',
      'endpoint_group_id',
    ]);
}

export async function isAssociated(db: Db, association: Association): Promise<boolean> {
  const { kind, id, projectId } = association;
  const row =
    kind === 'endpoint'
      ? await db
          .selectFrom('project_endpoint')
          .select('project_id')
          .where('project_id', '=', projectId)
          .where('endpoint_id', '=', id)
          .executeTakeFirst()
      : await db
          .selectFrom('project_endpoint_group')
          .select('project_id')
          .where('project_id', '=', projectId)
          .where('endpoint_group_id', '=', id)
          .executeTakeFirst();
  return row !== undefined;
}

/** Returns false if there was no such association. */
export async function dissociate(db: Db, association: Association): Promise<boolean> {
  const { kind, id, projectId } = association;
  const { numDeletedRows } =
    kind === 'endpoint'
      ? await db
          .deleteFrom('project_endpoint')
          .where('project_id', '=', projectId)
          .where('endpoint_id', '=', id)
          .executeTakeFirst()
      : await db
          .deleteFrom('project_endpoint_group')
          .where('project_id', '=', projectId)
          .where('endpoint_group_id', '=', id)
          .executeTakeFirst();
  return numDeletedRows > 0n;
}
