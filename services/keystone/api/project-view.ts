// How domains and projects look in the Identity API.
import type { JsonObject } from '#contracts/common/json.ts';
import type { ApiRequest } from '#openstack/http/route.ts';
import type { ProjectRow } from '../store/tables.ts';
import { parsed, urlOf } from './shapes.ts';

export function projectView(
  request: ApiRequest<unknown>,
  row: ProjectRow,
  tags: readonly string[],
): JsonObject {
  return {
    ...parsed(row.extra),
    id: row.id,
    name: row.name,
    domain_id: row.is_domain ? null : row.domain_id,
    description: row.description,
    enabled: row.enabled === 1,
    parent_id: row.parent_id,
    is_domain: row.is_domain === 1,
    tags: [...tags],
    options: parsed(row.options),
    links: { self: urlOf(request, `projects/${row.id}`) },
  };
}

export function domainView(
  request: ApiRequest<unknown>,
  row: ProjectRow,
  tags: readonly string[],
): JsonObject {
  return {
    ...parsed(row.extra),
    id: row.id,
    name: row.name,
    description: row.description,
    enabled: row.enabled === 1,
    tags: [...tags],
    options: parsed(row.options),
    links: { self: urlOf(request, `domains/${row.id}`) },
  };
}
