// The service catalog of a user in a project, as tokens and GET /v3/auth/catalog show it.
import { catalogOf, type CatalogService } from '../domain/catalog.ts';
import { visibleTo } from './endpoint-filter.ts';
import { listEndpoints } from './endpoints.ts';
import type { Db } from './tables.ts';

/** Enabled services and endpoints, those alone that the project's endpoint filter shows. */
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
