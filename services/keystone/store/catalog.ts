// The service catalog as a token carries it.
import type { Db } from '../api/keystone.ts';
import { visibleTo } from './endpoint-filter.ts';

export interface CatalogService {
  endpoints: {
    id: string;
    interface: string;
    region_id: string | null;
    url: string;
    region: string | null;
  }[];
  id: string;
  type: string;
  name: string;
}

/**
 * Enabled services and endpoints. An endpoint whose URL needs a project is left out where there is
 * none, as upstream does.
 */
export async function catalogFor(
  db: Db,
  userId: string,
  projectId: string | null,
): Promise<CatalogService[]> {
  const services = await db
    .selectFrom('service')
    .select(['id', 'type', 'name'])
    .where('enabled', '=', 1)
    .orderBy('id')
    .execute();
  const all = await db
    .selectFrom('endpoint')
    .selectAll()
    .where('enabled', '=', 1)
    .orderBy('id')
    .execute();
  const endpoints = projectId === null ? all : await visibleTo(db, projectId, all);
  return services.map(({ id, type, name }) => ({
    endpoints: endpoints
      .filter((endpoint) => endpoint.service_id === id)
      .flatMap((endpoint) => {
        const url = fillIn(endpoint.url, userId, projectId);
        return url === undefined
          ? []
          : [
              {
                id: endpoint.id,
                interface: endpoint.interface,
                region_id: endpoint.region_id,
                url,
                region: endpoint.region_id,
              },
            ];
      }),
    id,
    type,
    name,
  }));
}

// `$(project_id)s` and `%(tenant_id)s` are both in use: Keystone's administrator guide, "Service
// catalog".
function fillIn(url: string, userId: string, projectId: string | null): string | undefined {
  const filled = url.replace(/[$%]\((\w+)\)s/g, (whole, name: string) => {
    if (name === 'user_id') return userId;
    if (name === 'project_id' || name === 'tenant_id') return projectId ?? whole;
    return whole;
  });
  return /[$%]\(\w+\)s/.test(filled) ? undefined : filled;
}
