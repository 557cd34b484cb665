// The filters of GET /servers: their names, who may use them since which microversion, and what
// they match. A filter that the caller may not use is ignored; an unknown one is refused from 2.75
// on. api-ref, "List Servers"; nova.api.openstack.compute.servers, _get_server_search_options;
// nova.db.main.api, instance_get_all_by_filters_sort (equal values or patterns).
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { VmState } from '#contracts/nova/server-states.ts';
import { booleanOf, timeMsOf } from '#openstack/http/lenient-values.ts';
import type { ApiRequest } from '#openstack/http/route.ts';
import { isoSeconds } from '#platform/clock.ts';
import type { SearchPattern } from '#platform/search-pattern.ts';
import { searchPattern } from '#platform/search-pattern.ts';
import type { NovaDeps } from '../../deps.ts';
import type { AddressesView } from '../../domain/network-info.ts';
import { imageOf } from '../../domain/server-row.ts';
import { statesOf } from '../../domain/server-state.ts';
import { zonesByHost } from '../../store/hosts.ts';
import type { ServerFilters } from '../../store/list-servers.ts';
import type { Server } from '../../store/servers.ts';
import { first, isAdmin, lastMsOf, strictQueriesSince, unknownQuery } from '../request.ts';

type ZoneOf = (server: Server) => string;
/** The text that a filter's pattern is matched against; null never matches. */
type TextOf = (server: Server, zoneOf: ZoneOf) => string | null;

interface Filter {
  /** The microversion since which everybody may use the filter; undefined: administrators only. */
  everybodySince?: number;
  equal?: keyof ServerFilters['equal'];
  text?: TextOf;
}

const filtersSince = 83;
const time = (ms: number | null): string | null => (ms === null ? null : isoSeconds(ms));
const filters: Readonly<Record<string, Filter>> = {
  image: { everybodySince: 0, equal: 'image_id' },
  image_ref: { equal: 'image_id' },
  flavor: { everybodySince: 0, equal: 'flavor_id' },
  user_id: { everybodySince: filtersSince, equal: 'user_id' },
  vm_state: { everybodySince: filtersSince, equal: 'vm_state' },
  task_state: { everybodySince: filtersSince, equal: 'task_state' },
  host: { equal: 'host' },
  name: { everybodySince: 0, text: ({ name }) => name },
  display_name: { text: ({ name }) => name },
  reservation_id: { everybodySince: 0, text: (server) => server.reservation_id },
  hostname: { text: ({ hostname }) => hostname },
  description: { text: ({ description }) => description },
  display_description: { text: ({ description }) => description },
  node: { text: ({ node, host }) => node ?? host },
  key_name: { everybodySince: filtersSince, text: (server) => server.key_name },
  availability_zone: { everybodySince: filtersSince, text: (server, zoneOf) => zoneOf(server) },
  power_state: { everybodySince: filtersSince, text: (server) => String(server.power_state) },
  progress: { everybodySince: filtersSince, text: ({ progress }) => String(progress) },
  created_at: { everybodySince: filtersSince, text: (server) => time(server.created_at_ms) },
  launched_at: { everybodySince: filtersSince, text: (server) => time(server.launched_at_ms) },
  terminated_at: { everybodySince: filtersSince, text: (server) => time(server.terminated_at_ms) },
  access_ip_v4: { text: (server) => server.access_ip_v4 },
  access_ip_v6: { text: (server) => server.access_ip_v6 },
  kernel_id: { text: (server) => imageOf(server)?.kernel?.id ?? null },
  ramdisk_id: { text: (server) => imageOf(server)?.ramdisk?.id ?? null },
};
/**
 * All accepted parameter names: `filters`, those that `filtersOf` reads itself, sorting and paging,
 * and filters of Nova that have no counterpart in this cloud and are ignored.
 */
const knownNames = [
  ...Object.keys(filters),
  'all_tenants',
  'limit',
  'marker',
  'sort_key',
  'sort_dir',
  'status',
  'deleted',
  'changes-since',
  'changes-before',
  'tags',
  'tags-any',
  'not-tags',
  'not-tags-any',
  'locked',
  'ip',
  'ip6',
  'uuid',
  'project_id',
  'tenant_id',
  'config_drive',
  'soft_deleted',
  'launch_index',
  'root_device_name',
  'auto_disk_config',
  'locked_by',
];
/** Twice the number of tags that a server can have. */
const maxFilterTags = 100;
const invalid = (name: string, value: string, why: string) =>
  fault('badRequest', `Invalid input for query parameters ${name}. Value: ${value}. ${why}`);

/**
 * Reads the filters of a list of servers from the query. badRequest: an invalid value, or an
 * unknown filter. forbidden: the policy denies listing other projects' or deleted servers.
 */
export async function filtersOf(
  deps: NovaDeps,
  request: ApiRequest,
): Promise<Outcome<ServerFilters>> {
  const unknown =
    request.version < strictQueriesSince ? undefined : unknownQuery(request, knownNames);
  if (unknown) return unknown;
  const scope = scopeAsked(request);
  if (isFault(scope)) return scope;
  const states = statesAsked(request);
  if (isFault(states)) return states;
  const times = timesAsked(request);
  if (isFault(times)) return times;
  const tags = tagsAsked(request);
  if (isFault(tags)) return tags;
  const patterns = await patternsAsked(deps, request);
  if (isFault(patterns)) return patterns;
  const equal = equalAsked(request, scope.everyone);
  if (isFault(equal)) return equal;
  const uuids = isAdmin(request) ? request.query['uuid'] : undefined;
  return {
    scope: scope.everyone ? null : (request.auth.projectId ?? ''),
    equal,
    ...times,
    ...tags,
    ...(states.states && { states: states.states }),
    ...(uuids && { ids: uuids }),
    deleted:
      states.deleted || (isAdmin(request) && (booleanOf(first(request, 'deleted') ?? '') ?? false)),
    ...(patterns.length > 0 && {
      matches: (server: Server) => patterns.every((matches) => matches(server)),
    }),
  };
}

function scopeAsked(request: ApiRequest): Outcome<{ everyone: boolean }> {
  const text = first(request, 'all_tenants');
  const everyone = text === undefined ? false : text === '' ? true : booleanOf(text);
  if (everyone === undefined) return invalid('all_tenants', text ?? '', 'It must be a boolean.');
  if (everyone && !request.allows('os_compute_api:servers:index:get_all_tenants'))
    return fault(
      'forbidden',
      "Policy doesn't allow os_compute_api:servers:index:get_all_tenants to be performed.",
    );
  return { everyone };
}

const mayUse = (request: ApiRequest, since: number | undefined): boolean =>
  isAdmin(request) || (since !== undefined && request.version >= since);

function equalAsked(request: ApiRequest, everyone: boolean): Outcome<ServerFilters['equal']> {
  const equal: ServerFilters['equal'] = {};
  for (const [name, { everybodySince, equal: column }] of Object.entries(filters)) {
    const value = first(request, name);
    if (value !== undefined && column !== undefined && mayUse(request, everybodySince))
      Object.assign(equal, { [column]: value === 'None' ? null : value });
  }
  const projectId = first(request, 'project_id') ?? first(request, 'tenant_id');
  // Ignored without all_tenants, as in Nova: https://bugs.launchpad.net/nova/+bug/1185290
  if (projectId !== undefined && everyone) equal.project_id = projectId;
  for (const [name, since, column] of [
    ['locked', 73, 'locked'],
    ['config_drive', filtersSince, 'config_drive'],
  ] as const) {
    const text = first(request, name);
    if (
      text === undefined ||
      (name === 'locked' ? request.version < since : !mayUse(request, since))
    )
      continue;
    const value = booleanOf(text === '' ? 'false' : text);
    if (value === undefined) return invalid(name, text, 'It must be a boolean.');
    equal[column] = value ? 1 : 0;
  }
  return equal;
}

function statesAsked(
  request: ApiRequest,
): Outcome<{ states: ServerFilters['states'] | undefined; deleted: boolean }> {
  const statuses = request.query['status'];
  if (!statuses) return { states: undefined, deleted: false };
  const wanted = statuses.map(statesOf);
  if (wanted.some((states) => states === undefined) && request.version >= 38)
    return fault('badRequest', `Invalid status value: ${statuses.join(', ')}`);
  const states = {
    vmStates: wanted.flatMap((each) => each?.vmStates ?? []),
    taskStates: wanted.flatMap((each) => each?.taskStates ?? []),
  };
  const deleted = states.vmStates.includes('deleted' satisfies VmState);
  return deleted && !isAdmin(request)
    ? fault('forbidden', 'Only administrators may list deleted instances')
    : { states, deleted };
}

function timesAsked(
  request: ApiRequest,
): Outcome<Pick<ServerFilters, 'changedSinceMs' | 'changedBeforeMs'>> {
  const times: Pick<ServerFilters, 'changedSinceMs' | 'changedBeforeMs'> = {};
  for (const [name, key, since, msOf] of [
    ['changes-since', 'changedSinceMs', 0, timeMsOf],
    ['changes-before', 'changedBeforeMs', 66, lastMsOf],
  ] as const) {
    const text = first(request, name);
    if (text === undefined || request.version < since) continue;
    const ms = msOf(text);
    if (ms === undefined) return invalid(name, text, 'It must be an ISO 8601 time.');
    times[key] = ms;
  }
  const { changedSinceMs: since, changedBeforeMs: before } = times;
  return since !== undefined && before !== undefined && since > before
    ? fault(
        'badRequest',
        'The value of changes-since must be less than or equal to changes-before.',
      )
    : times;
}

function tagsAsked(
  request: ApiRequest,
): Outcome<Pick<ServerFilters, 'tagsAll' | 'tagsAny' | 'notTagsAll' | 'notTagsAny'>> {
  const tags = (name: string): string[] =>
    request.version >= 26 ? [...new Set(first(request, name)?.split(',').filter(Boolean))] : [];
  const long = ['tags', 'tags-any', 'not-tags', 'not-tags-any'].find(
    (name) => tags(name).length > maxFilterTags,
  );
  if (long !== undefined)
    return fault(
      'badRequest',
      `Invalid input for query parameters ${long}. It has more than ${maxFilterTags} tags.`,
    );
  return {
    tagsAll: tags('tags'),
    tagsAny: tags('tags-any'),
    notTagsAll: tags('not-tags'),
    notTagsAny: tags('not-tags-any'),
  };
}

async function patternsAsked(
  { database: { db }, config }: NovaDeps,
  request: ApiRequest,
): Promise<Outcome<((server: Server) => boolean)[]>> {
  const patterns: ((server: Server) => boolean)[] = [];
  let zones = new Map<string, string>();
  const zoneOf: ZoneOf = ({ host, availability_zone: zone }) =>
    host === null ? (zone ?? '') : (zones.get(host) ?? config.defaultZone);
  for (const [name, { everybodySince, text }] of Object.entries(filters)) {
    const source = first(request, name);
    if (source === undefined || !text || !mayUse(request, everybodySince)) continue;
    const pattern = searchPattern(source);
    if (!pattern) return invalid(name, source, `'${source}' is not a 'regex'`);
    if (name === 'availability_zone') zones = await zonesByHost(db);
    patterns.push((server) => {
      const value = text(server, zoneOf);
      return value !== null && pattern.test(value);
    });
  }
  for (const [name, family, since] of [
    ['ip', 4, 0],
    ['ip6', 6, 5],
  ] as const) {
    const source = first(request, name);
    if (source === undefined || !mayUse(request, since)) continue;
    const pattern = searchPattern(source, { fromStart: true });
    if (!pattern) return invalid(name, source, `'${source}' is not a 'regex'`);
    patterns.push((server) => hasAddress(server, family, pattern));
  }
  return patterns;
}

const hasAddress = ({ addresses }: Server, family: 4 | 6, pattern: SearchPattern): boolean =>
  Object.values(JSON.parse(addresses) as AddressesView)
    .flat()
    // The cached JSON of addresses was written by conductor/connect-nics.ts.
    .some(({ version, addr }) => version === family && pattern.test(addr));
