// Users and groups as shown in responses of the Identity API.
import type { JsonObject } from '#contracts/common/json.ts';
import type { ApiRequest } from '#openstack/http/route.ts';
import type { GroupRow, UserRow } from '../store/tables.ts';
import { parsed } from './bodies.ts';
import { urlOf } from './replies.ts';

export function userView(request: ApiRequest<unknown>, row: UserRow): JsonObject {
  return {
    ...parsed(row.extra),
    id: row.id,
    name: row.name,
    domain_id: row.domain_id,
    enabled: row.enabled === 1,
    ...(row.default_project_id !== null && { default_project_id: row.default_project_id }),
    password_expires_at: null,
    options: parsed(row.options),
    links: { self: urlOf(request, `users/${row.id}`) },
  };
}

export function groupView(request: ApiRequest<unknown>, row: GroupRow): JsonObject {
  return {
    ...parsed(row.extra),
    id: row.id,
    name: row.name,
    domain_id: row.domain_id,
    description: row.description,
    links: { self: urlOf(request, `groups/${row.id}`) },
  };
}
