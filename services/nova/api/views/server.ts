// The JSON of a server: one table of fields, with the microversions that have each field.
// https://docs.openstack.org/api-ref/compute/#servers-servers
import { createHash } from 'node:crypto';
import type { Json, JsonObject } from '#contracts/common/json.ts';
import { isoMicroseconds, isoSeconds } from '#platform/clock.ts';
import { rootDevice } from '../../domain/device-names.ts';
import type { AddressesView } from '../../domain/network-info.ts';
import {
  faultOf,
  flavorOf,
  imageOf,
  instanceName,
  metadataOf,
  tagsOf,
} from '../../domain/server-row.ts';
import { statusOf } from '../../domain/server-state.ts';
import type { Server } from '../../store/servers.ts';
import type { VolumeRow } from '../../store/tables.ts';

export interface ServerViewContext {
  version: number;
  baseUrl: string;
  /** Whether policy allows the caller to see the server's host. */
  showsHost: boolean;
  /** The availability zone of a host. */
  zoneOf(host: string): string;
  volumesOf(
    serverId: string,
  ): readonly Pick<VolumeRow, 'volume_id' | 'device' | 'boot_index' | 'delete_on_termination'>[];
  /** `host_status` of a server: 'UP', 'DOWN', 'MAINTENANCE', 'UNKNOWN', or '' without a host. */
  hostStatusOf(host: string | null): string;
}

type Answers = 'show' | 'list' | 'change';

interface Field {
  name: string;
  since?: number;
  until?: number;
  /** Shown only if `showsHost`. */
  hostOnly?: true;
  /** Absent from the answers of update and rebuild below 2.75. api-ref, microversion 2.75. */
  lateInChanges?: true;
  /** Absent from lists of servers. */
  notInLists?: true;
  /** undefined: the field is left out. */
  value(server: Server, context: ServerViewContext & { answers: Answers }): Json | undefined;
}

const millis = (ms: number | null): string | null =>
  ms === null ? null : isoMicroseconds(ms).slice(0, -1);
// States that have a progress. nova/api/openstack/compute/views/servers.py, _progress_statuses
const progressing = new Set(['ACTIVE', 'BUILD', 'REBUILD', 'RESIZE', 'VERIFY_RESIZE', 'MIGRATING']);
const failed = new Set(['ERROR', 'DELETED']);

const wholeInChangesSince = 75;

const fields: readonly Field[] = [
  { name: 'id', value: (server) => server.id },
  { name: 'name', value: (server) => server.name },
  { name: 'status', value: (server) => statusOf(server.vm_state, server.task_state) },
  { name: 'tenant_id', value: (server) => server.project_id },
  { name: 'user_id', value: (server) => server.user_id },
  { name: 'metadata', value: (server) => metadataOf(server) },
  { name: 'hostId', value: (server) => hostId(server) },
  {
    name: 'image',
    value: (server, { baseUrl }) =>
      server.image_id === null
        ? ''
        : {
            id: server.image_id,
            links: [{ rel: 'bookmark', href: `${baseUrl}/images/${server.image_id}` }],
          },
  },
  {
    name: 'flavor',
    until: 46,
    value: (server, { baseUrl }) => ({
      id: server.flavor_id,
      links: [{ rel: 'bookmark', href: `${baseUrl}/flavors/${server.flavor_id}` }],
    }),
  },
  { name: 'flavor', since: 47, value: (server) => embeddedFlavor(server) },
  { name: 'created', value: (server) => isoSeconds(server.created_at_ms) },
  { name: 'updated', value: (server) => isoSeconds(server.updated_at_ms) },
  {
    name: 'addresses',
    value: (server, { version, answers }) =>
      answers === 'change' && version < wholeInChangesSince
        ? plainAddresses(server)
        : addressesOf(server),
  },
  { name: 'accessIPv4', value: (server) => server.access_ip_v4 ?? '' },
  { name: 'accessIPv6', value: (server) => server.access_ip_v6 ?? '' },
  { name: 'links', value: (server, context) => serverLinks(server.id, context.baseUrl) },
  { name: 'OS-DCF:diskConfig', value: (server) => server.disk_config },
  {
    name: 'progress',
    value: (server) =>
      progressing.has(statusOf(server.vm_state, server.task_state)) ? server.progress : undefined,
  },
  {
    name: 'OS-EXT-AZ:availability_zone',
    lateInChanges: true,
    value: (server, { zoneOf }) =>
      server.host === null ? (server.availability_zone ?? '') : zoneOf(server.host),
  },
  {
    name: 'config_drive',
    lateInChanges: true,
    value: (server) => (server.config_drive === 1 ? 'True' : ''),
  },
  { name: 'key_name', lateInChanges: true, value: (server) => server.key_name },
  {
    name: 'OS-SRV-USG:launched_at',
    lateInChanges: true,
    value: (server) => millis(server.launched_at_ms),
  },
  {
    name: 'OS-SRV-USG:terminated_at',
    lateInChanges: true,
    value: (server) => millis(server.terminated_at_ms),
  },
  {
    name: 'security_groups',
    lateInChanges: true,
    value: (server) =>
      server.security_groups === '[]'
        ? undefined
        : (JSON.parse(server.security_groups) as string[]).map((name) => ({ name })),
  },
  {
    name: 'OS-EXT-SRV-ATTR:host',
    hostOnly: true,
    lateInChanges: true,
    value: (server) => server.host,
  },
  {
    name: 'OS-EXT-SRV-ATTR:instance_name',
    hostOnly: true,
    lateInChanges: true,
    value: (server) => instanceName(server),
  },
  {
    name: 'OS-EXT-SRV-ATTR:hypervisor_hostname',
    hostOnly: true,
    lateInChanges: true,
    value: (server) => server.host,
  },
  {
    name: 'OS-EXT-SRV-ATTR:reservation_id',
    since: 3,
    hostOnly: true,
    lateInChanges: true,
    value: (server) => server.reservation_id,
  },
  {
    name: 'OS-EXT-SRV-ATTR:launch_index',
    since: 3,
    hostOnly: true,
    lateInChanges: true,
    value: () => 0,
  },
  {
    name: 'OS-EXT-SRV-ATTR:hostname',
    since: 3,
    until: 89,
    hostOnly: true,
    lateInChanges: true,
    value: (server) => server.hostname,
  },
  { name: 'OS-EXT-SRV-ATTR:hostname', since: 90, value: (server) => server.hostname },
  {
    name: 'OS-EXT-SRV-ATTR:kernel_id',
    since: 3,
    hostOnly: true,
    lateInChanges: true,
    value: (server) => imageOf(server)?.kernel?.id ?? '',
  },
  {
    name: 'OS-EXT-SRV-ATTR:ramdisk_id',
    since: 3,
    hostOnly: true,
    lateInChanges: true,
    value: (server) => imageOf(server)?.ramdisk?.id ?? '',
  },
  {
    name: 'OS-EXT-SRV-ATTR:root_device_name',
    since: 3,
    hostOnly: true,
    lateInChanges: true,
    value: (server, { volumesOf }) => `/dev/${rootDevice(imageOf(server), volumesOf(server.id))}`,
  },
  {
    name: 'OS-EXT-SRV-ATTR:user_data',
    since: 3,
    hostOnly: true,
    lateInChanges: true,
    value: (server) => server.user_data,
  },
  { name: 'OS-EXT-STS:task_state', lateInChanges: true, value: (server) => server.task_state },
  { name: 'OS-EXT-STS:vm_state', lateInChanges: true, value: (server) => server.vm_state },
  { name: 'OS-EXT-STS:power_state', lateInChanges: true, value: (server) => server.power_state },
  {
    name: 'os-extended-volumes:volumes_attached',
    lateInChanges: true,
    value: (server, { version, volumesOf }) =>
      volumesOf(server.id).map((row) => ({
        id: row.volume_id,
        ...(version >= 3 ? { delete_on_termination: row.delete_on_termination === 1 } : {}),
      })),
  },
  { name: 'locked', since: 9, value: (server) => server.locked === 1 },
  {
    name: 'host_status',
    since: 16,
    hostOnly: true,
    lateInChanges: true,
    value: (server, { hostStatusOf }) => hostStatusOf(server.host),
  },
  { name: 'description', since: 19, value: (server) => server.description },
  { name: 'tags', since: 26, value: (server) => tagsOf(server) },
  { name: 'trusted_image_certificates', since: 63, value: () => null },
  {
    name: 'server_groups',
    since: 71,
    notInLists: true,
    value: (server) => (server.server_group_id === null ? [] : [server.server_group_id]),
  },
  { name: 'locked_reason', since: 73, value: (server) => server.locked_reason },
  { name: 'pinned_availability_zone', since: 96, value: (server) => server.availability_zone },
  {
    name: 'fault',
    value: (server, { version, showsHost }) => faultView(server, version, showsHost),
  },
];

const addressesOf = (server: Pick<Server, 'addresses'>): AddressesView =>
  // The cached JSON was written by conductor/connect-nics.ts.
  server.addresses === '{}' ? {} : (JSON.parse(server.addresses) as AddressesView);

/** Addresses with `version` and `addr` only, as GET /servers/{id}/ips shows them. */
export function plainAddresses(
  server: Pick<Server, 'addresses'>,
): Record<string, { version: 4 | 6; addr: string }[]> {
  return Object.fromEntries(
    Object.entries(addressesOf(server)).map(([label, list]) => [
      label,
      list.map(({ version, addr }) => ({ version, addr })),
    ]),
  );
}

const fieldsByVersion = new Map<string, readonly Field[]>();

function fieldsFor(version: number, showsHost: boolean, answers: Answers): readonly Field[] {
  const key = `${version}/${showsHost}/${answers}`;
  let viewFields = fieldsByVersion.get(key);
  if (!viewFields) {
    const isWhole = answers !== 'change' || version >= wholeInChangesSince;
    viewFields = fields.filter(
      (field) =>
        (field.since ?? 0) <= version &&
        version <= (field.until ?? Infinity) &&
        (showsHost || !field.hostOnly) &&
        (isWhole || !field.lateInChanges) &&
        !(answers === 'list' && field.notInLists),
    );
    fieldsByVersion.set(key, viewFields);
  }
  return viewFields;
}

/**
 * The JSON of a server. `answers`: whether it is for a show, for a list, or for the answer to
 * update or rebuild.
 */
export function serverView(
  server: Server,
  context: ServerViewContext,
  answers: Answers = 'show',
): JsonObject {
  const view: JsonObject = {};
  const viewContext = { ...context, answers };
  for (const field of fieldsFor(context.version, context.showsHost, answers)) {
    const value = field.value(server, viewContext);
    if (value !== undefined) view[field.name] = value;
  }
  return view;
}

export function serverSummary(server: Server, baseUrl: string): JsonObject {
  return { id: server.id, name: server.name, links: serverLinks(server.id, baseUrl) };
}

export function serverLinks(id: string, baseUrl: string): Json {
  return [
    { rel: 'self', href: `${baseUrl}/v2.1/servers/${id}` },
    { rel: 'bookmark', href: `${baseUrl}/servers/${id}` },
  ];
}

// `hostId`: a hash that is the same for all servers of a project on one host and does not reveal
// the host's name. Cached, because hashing is expensive in long lists.
const hostIds = new Map<string, string>();
function hostId(server: Pick<Server, 'project_id' | 'host'>): string {
  if (server.host === null) return '';
  const key = server.project_id + server.host;
  let id = hostIds.get(key);
  if (id === undefined) {
    if (hostIds.size > 10_000) hostIds.clear();
    id = createHash('sha224').update(key).digest('hex');
    hostIds.set(key, id);
  }
  return id;
}

function embeddedFlavor(server: Server): JsonObject {
  const flavor = flavorOf(server);
  return {
    original_name: flavor.name,
    vcpus: flavor.vcpus,
    ram: flavor.memoryMib,
    disk: flavor.diskGib,
    ephemeral: flavor.ephemeralGib,
    swap: flavor.swapMib,
    extra_specs: { ...flavor.extraSpecs },
  };
}

function faultView(
  server: Server,
  _version: number,
  showsDetails: boolean,
): JsonObject | undefined {
  const fault = failed.has(statusOf(server.vm_state, server.task_state)) ? faultOf(server) : null;
  if (!fault) return undefined;
  const view: JsonObject = {
    code: fault.code,
    created: isoSeconds(fault.createdMs),
    message: fault.message,
  };
  if (showsDetails || fault.code !== 500) view['details'] = fault.details;
  return view;
}
