// GET /servers and /servers/detail: filters, order and pages as the API names them.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { JsonObject } from '#contracts/common/json.ts';
import type { ApiRequest, Reply } from '#platform/http/api.ts';
import type { VmState } from '#contracts/nova/server-states.ts';
import type { NovaDeps } from '../../deps.ts';
import { statesOf } from '../../domain/server-state.ts';
import type { ServerFilters, ServerOrder } from '../../store/list-servers.ts';
import { listServers } from '../../store/list-servers.ts';
import { findServerEvenDeleted } from '../../store/servers.ts';
import type { ServerRow } from '../../store/tables.ts';
import { booleanOf, first, isAdmin, limitOf, timeOf } from '../request.ts';
import { serverSummary, serverView } from '../views/server.ts';
import { viewContext } from '../views/context.ts';

/** Query name -> column, for filters that mean equality. */
const everybodysFilters: Readonly<Record<string, keyof ServerFilters['equal']>> = {
  image: 'image_id', flavor: 'flavor_id', reservation_id: 'reservation_id', key_name: 'key_name', user_id: 'user_id',
  access_ip_v4: 'access_ip_v4', access_ip_v6: 'access_ip_v6', availability_zone: 'availability_zone', description: 'description',
};
const adminFilters: Readonly<Record<string, keyof ServerFilters['equal']>> = {
  host: 'host', node: 'host', hypervisor_hostname: 'host', hostname: 'hostname', vm_state: 'vm_state', task_state: 'task_state', power_state: 'power_state',
};
const neither = new Set(['limit', 'marker', 'sort_key', 'sort_dir', 'all_tenants', 'status', 'name', 'deleted', 'changes-since', 'changes-before', 'tags', 'tags-any', 'not-tags', 'not-tags-any', 'locked', 'ip', 'ip6', 'uuid', 'project_id', 'tenant_id', 'config_drive', 'soft_deleted', 'created_at', 'launched_at', 'terminated_at', 'progress', 'kernel_id', 'ramdisk_id', 'instance_name', 'launch_index', 'root_device_name', 'display_name', 'display_description', 'auto_disk_config', 'locked_by', 'cleaned', 'image_ref', 'minimal', 'fields']);

const sortColumns: Readonly<Record<string, keyof ServerRow>> = {
  created_at: 'created_at_ms', updated_at: 'updated_at_ms', launched_at: 'launched_at_ms', display_name: 'name', name: 'name', uuid: 'id', id: 'id', host: 'host',
  vm_state: 'vm_state', task_state: 'task_state', power_state: 'power_state', image_ref: 'image_id', instance_type_id: 'flavor_id', key_name: 'key_name',
  project_id: 'project_id', user_id: 'user_id', availability_zone: 'availability_zone', config_drive: 'config_drive', node: 'node', locked: 'locked',
  access_ip_v4: 'access_ip_v4', access_ip_v6: 'access_ip_v6', display_description: 'description', terminated_at: 'terminated_at_ms', progress: 'progress', hostname: 'hostname',
};

/** The names come from the caller: `constructor` is none of ours. */
const columnOf = <Column>(columns: Readonly<Record<string, Column>>, name: string): Column | undefined => (Object.hasOwn(columns, name) ? columns[name] : undefined);

/** A number, or one that no server has. */
const powerStateOf = (text: string): number => (/^\d{1,9}$/.test(text) ? Number(text) : -1);

export async function listServersHandler(deps: NovaDeps, request: ApiRequest, detail: boolean): Promise<Outcome<Reply>> {
  const filters = filtersOf(request);
  if (isFault(filters)) return filters;
  const limit = limitOf(request, deps.config.maxListLimit);
  if (isFault(limit)) return limit;
  const order = await orderOf(deps, request, limit);
  if (isFault(order)) return order;
  const servers = limit === 0 ? [] : await listServers(deps.database.db, filters, order);
  let views: JsonObject[];
  if (detail) {
    const context = await viewContext(deps, request, servers.map(({ id }) => id));
    views = servers.map((server) => serverView(server, context));
  } else {
    views = servers.map((server) => serverSummary(server, request.baseUrl));
  }
  const body: JsonObject = { servers: views };
  const last = servers.at(-1);
  if (last && servers.length === limit) {
    const query = new URLSearchParams(request.queryString);
    query.set('marker', last.id);
    body['servers_links'] = [{ rel: 'next', href: `${request.baseUrl}${request.path}?${query.toString()}` }];
  }
  return { status: 200, body };
}

/** Twice as many as a server can have. */
const maxFilterTags = 100;

function filtersOf(request: ApiRequest): Outcome<ServerFilters> {
  const admin = isAdmin(request);
  const { version } = request;
  const allTenants = first(request, 'all_tenants');
  const everyone = allTenants !== undefined && allTenants !== '' ? booleanOf(allTenants) : allTenants === '';
  if (everyone === undefined) return fault('badRequest', `Invalid input for query parameters all_tenants. Value: ${allTenants}. It must be a boolean.`);
  if (everyone && !request.allows('os_compute_api:servers:index:get_all_tenants')) return fault('forbidden', "Policy doesn't allow os_compute_api:servers:index:get_all_tenants to be performed.");
  const filters: ServerFilters = {
    scope: everyone ? null : (request.auth.projectId ?? ''), equal: {}, deleted: false,
    tagsAll: [], tagsAny: [], notTagsAll: [], notTagsAny: [],
  };
  for (const name of Object.keys(request.query)) {
    const value = first(request, name) ?? '';
    const column = columnOf(everybodysFilters, name) ?? (admin ? columnOf(adminFilters, name) : undefined);
    if (column !== undefined) Object.assign(filters.equal, { [column]: column === 'power_state' ? powerStateOf(value) : value === 'None' ? null : value });
    else if (!neither.has(name) && !Object.hasOwn(adminFilters, name) && version >= 75) return fault('badRequest', `Additional properties are not allowed ('${name}' was unexpected) in the query.`);
  }
  const projectId = first(request, 'project_id') ?? first(request, 'tenant_id');
  if (projectId !== undefined && everyone) filters.equal.project_id = projectId;
  const name = first(request, 'name') ?? first(request, 'display_name');
  if (name !== undefined) filters.nameContains = name.replace(/^\^|\$$/g, '');
  const uuids = request.query['uuid'];
  if (uuids) filters.ids = uuids;
  const statuses = request.query['status'];
  if (statuses) {
    const wanted = statuses.map(statesOf);
    if (wanted.some((states) => states === undefined) && version >= 38) return fault('badRequest', `Invalid status value: ${statuses.join(', ')}`);
    filters.states = { vmStates: wanted.flatMap((states) => states?.vmStates ?? []), taskStates: wanted.flatMap((states) => states?.taskStates ?? []) };
    if (filters.states.vmStates.includes('deleted' satisfies VmState)) {
      if (!admin) return fault('forbidden', 'Only administrators may list deleted instances');
      filters.deleted = true;
    }
  }
  for (const [query, key] of [['changes-since', 'changedSinceMs'], ['changes-before', 'changedBeforeMs']] as const) {
    const text = first(request, query);
    if (text === undefined) continue;
    const ms = timeOf(text);
    if (ms === undefined) return fault('badRequest', `Invalid input for query parameters ${query}. Value: ${text}. It must be an ISO 8601 time.`);
    filters[key] = ms;
  }
  if (admin && first(request, 'deleted') !== undefined) filters.deleted = booleanOf(first(request, 'deleted') ?? '') ?? false;
  const locked = first(request, 'locked');
  if (locked !== undefined && version >= 73) {
    const value = booleanOf(locked);
    if (value === undefined) return fault('badRequest', `Invalid input for query parameters locked. Value: ${locked}. It must be a boolean.`);
    filters.equal.locked = value ? 1 : 0;
  }
  filters.addresses = (['ip', 'ip6'] as const).flatMap((name) => {
    const text = first(request, name);
    return text === undefined ? [] : [{ version: name === 'ip' ? 4 as const : 6 as const, ...addressPattern(text) }];
  });
  const tags = (query: string): string[] => (version >= 26 ? [...new Set(first(request, query)?.split(',').filter(Boolean))] : []);
  const long = ['tags', 'tags-any', 'not-tags', 'not-tags-any'].find((name) => tags(name).length > maxFilterTags);
  if (long !== undefined) return fault('badRequest', `Invalid input for query parameters ${long}. It has more than ${maxFilterTags} tags.`);
  return { ...filters, tagsAll: tags('tags'), tagsAny: tags('tags-any'), notTagsAll: tags('not-tags'), notTagsAny: tags('not-tags-any') };
}

/** A regular expression from the start, of which clients use `^`, `$` and `\\.`; anything else is taken by the letter. api-ref, List Servers, `ip`. */
const addressPattern = (text: string): { startsWith: string; whole: boolean } => ({ startsWith: text.replace(/^\^/, '').replace(/\$$/, '').replaceAll('\\.', '.'), whole: text.endsWith('$') });

async function orderOf(deps: NovaDeps, request: ApiRequest, limit: number): Promise<Outcome<ServerOrder>> {
  const names = request.query['sort_key'] ?? [];
  const directions = request.query['sort_dir'] ?? [];
  const keys: ServerOrder['keys'][number][] = [];
  for (const [index, name] of names.entries()) {
    const column = columnOf(sortColumns, name);
    if (column === undefined) return fault('badRequest', `Invalid input for query parameters sort_key. Value: ${name}. It must be one of ${Object.keys(sortColumns).join(', ')}.`);
    const direction = directions[index] ?? directions.at(-1) ?? 'desc';
    if (direction !== 'asc' && direction !== 'desc') return fault('badRequest', `Invalid input for query parameters sort_dir. Value: ${direction}. It must be asc or desc.`);
    if (!keys.some((earlier) => earlier.column === column)) keys.push({ column, direction }); // a second time it changes nothing
  }
  if (keys.length === 0) keys.push({ column: 'created_at_ms', direction: directions[0] === 'asc' ? 'asc' : 'desc' });
  if (!keys.some(({ column }) => column === 'id')) keys.push({ column: 'id', direction: keys[0]?.direction ?? 'desc' });
  const markerId = first(request, 'marker');
  if (markerId === undefined) return { keys, marker: undefined, limit };
  const marker = await findServerEvenDeleted(deps.database.db, markerId, isAdmin(request) ? null : (request.auth.projectId ?? ''));
  return marker ? { keys, marker, limit } : fault('badRequest', `marker [${markerId}] not found`);
}

