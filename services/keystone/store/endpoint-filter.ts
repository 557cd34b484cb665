// Which endpoints a project's catalog shows: those it was given, one by one or by groups; all where
// it was given none.
import type { Db } from '../api/keystone.ts';
import type { EndpointGroupRow, EndpointRow } from './tables.ts';

export interface EndpointFilter {
  service_id?: string;
  region_id?: string;
  interface?: string;
}

export function filterOf(group: EndpointGroupRow): EndpointFilter {
  // checked by the route's schema when it was written
  return JSON.parse(group.filters) as EndpointFilter;
}

export function inGroup(endpoint: EndpointRow, group: EndpointGroupRow): boolean {
  return Object.entries(filterOf(group)).every(
    ([attribute, wanted]) => endpoint[attribute as keyof EndpointFilter] === wanted,
  );
}

export async function groupsOfProject(db: Db, projectId: string): Promise<EndpointGroupRow[]> {
  return await db
    .selectFrom('project_endpoint_group')
    .innerJoin('endpoint_group', 'endpoint_group.id', 'project_endpoint_group.endpoint_group_id')
    .selectAll('endpoint_group')
    .where('project_endpoint_group.project_id', '=', projectId)
    .orderBy('endpoint_group.name')
    .execute();
}

/** Upstream's return_all_endpoints_if_no_filter is on. */
export async function visibleTo(
  db: Db,
  projectId: string,
  endpoints: EndpointRow[],
): Promise<EndpointRow[]> {
  const given = await db
    .selectFrom('project_endpoint')
    .select('endpoint_id')
    .where('project_id', '=', projectId)
    .execute();
  const groups = await groupsOfProject(db, projectId);
  if (given.length === 0 && groups.length === 0) return endpoints;
  const ids = new Set(given.map((one) => one.endpoint_id));
  return endpoints.filter(
    (endpoint) => ids.has(endpoint.id) || groups.some((group) => inGroup(endpoint, group)),
  );
}
