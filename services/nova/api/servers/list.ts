// GET /servers and /servers/detail: sorting and paging; the filters are in list-filters.ts.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { JsonObject } from '#contracts/common/json.ts';
import type { ApiRequest, Reply } from '#openstack/http/route.ts';
import type { NovaDeps } from '../../deps.ts';
import type { ServerOrder } from '../../store/list-servers.ts';
import { listServers } from '../../store/list-servers.ts';
import { findServerEvenDeleted } from '../../store/servers.ts';
import type { ServerRow } from '../../store/tables.ts';
import { first, isAdmin, limitOf } from '../request.ts';
import { viewContext } from '../views/context.ts';
import { serverSummary, serverView } from '../views/server.ts';
import { filtersOf } from './list-filters.ts';

const sortColumns: Readonly<Record<string, keyof ServerRow>> = {
  created_at: 'created_at_ms',
  updated_at: 'updated_at_ms',
  launched_at: 'launched_at_ms',
  display_name: 'name',
  name: 'name',
  uuid: 'id',
  id: 'id',
  host: 'host',
  vm_state: 'vm_state',
  task_state: 'task_state',
  power_state: 'power_state',
  image_ref: 'image_id',
  instance_type_id: 'flavor_id',
  key_name: 'key_name',
  project_id: 'project_id',
  user_id: 'user_id',
  availability_zone: 'availability_zone',
  config_drive: 'config_drive',
  node: 'node',
  locked: 'locked',
  access_ip_v4: 'access_ip_v4',
  access_ip_v6: 'access_ip_v6',
  display_description: 'description',
  terminated_at: 'terminated_at_ms',
  progress: 'progress',
  hostname: 'hostname',
};

/**
 * The column of a name. hasOwn, because the caller chooses the name: `constructor` must not find
 * Object.prototype's member.
 */
const columnOf = <Column>(
  columns: Readonly<Record<string, Column>>,
  name: string,
): Column | undefined => (Object.hasOwn(columns, name) ? columns[name] : undefined);

export async function listServersHandler(
  deps: NovaDeps,
  request: ApiRequest,
  detail: boolean,
): Promise<Outcome<Reply>> {
  const filters = await filtersOf(deps, request);
  if (isFault(filters)) return filters;
  const limit = limitOf(request, deps.config.maxListLimit);
  if (isFault(limit)) return limit;
  const order = await orderOf(deps, request, limit);
  if (isFault(order)) return order;
  const servers = limit === 0 ? [] : await listServers(deps.database.db, filters, order);
  let views: JsonObject[];
  if (detail) {
    const context = await viewContext(deps, request, servers);
    views = servers.map((server) => serverView(server, context, 'list'));
  } else {
    views = servers.map((server) => serverSummary(server, request.baseUrl));
  }
  const body: JsonObject = { servers: views };
  const last = servers.at(-1);
  if (last && servers.length === limit) {
    const query = new URLSearchParams(request.queryString);
    query.set('marker', last.id);
    body['servers_links'] = [
      { rel: 'next', href: `${request.baseUrl}${request.path}?${query.toString()}` },
    ];
  }
  return { status: 200, body };
}

async function orderOf(
  deps: NovaDeps,
  request: ApiRequest,
  limit: number,
): Promise<Outcome<ServerOrder>> {
  const names = request.query['sort_key'] ?? [];
  const directions = request.query['sort_dir'] ?? [];
  const keys: ServerOrder['keys'][number][] = [];
  for (const [index, name] of names.entries()) {
    const column = columnOf(sortColumns, name);
    if (column === undefined)
      return fault(
        'badRequest',
        `Invalid input for query parameters sort_key. Value: ${name}. It must be one of ${Object.keys(sortColumns).join(', ')}.`,
      );
    const direction = directions[index] ?? directions.at(-1) ?? 'desc';
    if (direction !== 'asc' && direction !== 'desc')
      return fault(
        'badRequest',
        `Invalid input for query parameters sort_dir. Value: ${direction}. It must be asc or desc.`,
      );
    // A sort key that repeats an earlier one has no effect.
    if (!keys.some((earlier) => earlier.column === column)) keys.push({ column, direction });
  }
  if (keys.length === 0)
    keys.push({ column: 'created_at_ms', direction: directions[0] === 'asc' ? 'asc' : 'desc' });
  if (!keys.some(({ column }) => column === 'id'))
    keys.push({ column: 'id', direction: keys[0]?.direction ?? 'desc' });
  const markerId = first(request, 'marker');
  if (markerId === undefined) return { keys, marker: undefined, limit };
  const marker = await findServerEvenDeleted(
    deps.database.db,
    markerId,
    isAdmin(request) ? null : (request.auth.projectId ?? ''),
  );
  return marker ? { keys, marker, limit } : fault('badRequest', `marker [${markerId}] not found`);
}
