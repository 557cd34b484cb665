// The service catalog for a user in a project, as in tokens and GET /v3/auth/catalog.
import { catalogOf, type CatalogService } from '../domain/catalog.ts';
import { visibleTo } from './endpoint-filter.ts';
import { listEndpoints } from './endpoints.ts';
import type { Db } from './tables.ts';

/** Enabled services and endpoints, reduced to those that the project's endpoint filter allows. */
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
  const all = await listEndpoints(db, { enabled: 1 });
  const endpoints = projectId === null ? all : await visibleTo(db, projectId, all);
  return catalogOf(services, endpoints, userId, projectId);
}
