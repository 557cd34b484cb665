// Domains and projects as shown in responses of the Identity API.
import type { JsonObject } from '#contracts/common/json.ts';
import type { ApiRequest } from '#openstack/http/route.ts';
import type { ProjectRow } from '../store/tables.ts';
import { parsed } from './bodies.ts';
import { urlOf } from './replies.ts';

const commonView = (row: ProjectRow, tags: readonly string[]): JsonObject => ({
  ...parsed(row.extra),
  id: row.id,
  name: row.name,
  description: row.description,
  enabled: row.enabled === 1,
  tags: [...tags],
  options: parsed(row.options),
});

export const projectView = (
  request: ApiRequest<unknown>,
  row: ProjectRow,
  tags: readonly string[],
): JsonObject => ({
  ...commonView(row, tags),
  domain_id: row.is_domain ? null : row.domain_id,
  parent_id: row.parent_id,
  is_domain: row.is_domain === 1,
  links: { self: urlOf(request, `projects/${row.id}`) },
});

export const domainView = (
  request: ApiRequest<unknown>,
  row: ProjectRow,
  tags: readonly string[],
): JsonObject => ({
  ...commonView(row, tags),
  links: { self: urlOf(request, `domains/${row.id}`) },
});
