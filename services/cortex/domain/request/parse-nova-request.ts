// Converts Nova's RequestSpec into a placement request. As lenient as Nova: a field that is absent
// or null makes no demand.
import type {
  ExternalOptions,
  FlavorFields,
  InstanceGroupFields,
  NovaExternalRequest,
  NovaObject,
  RequestSpecFields,
} from '#contracts/cortex/external-scheduler.ts';
import type { ReservationType } from '../fleet/host-facts.ts';
import { capabilitiesOf, resourcesOf, traitsOf } from './extra-specs.ts';
import { topologyOf } from './guest-topology.ts';
import type { GroupRequest, ImageRequest, Intent, PlacementRequest } from './placement-request.ts';

type Fields<T> = Partial<{ [K in keyof T]: T[K] | null }>;

/** The fields of a Nova object; empty if the object is absent. */
const dataOf = <T>(object: NovaObject<T> | null | undefined): Fields<T> =>
  object?.['nova_object.data'] ?? {};

const checkTypes = new Set<string>([
  'rebuild',
  'resize',
  'live_migrate',
  'evacuate',
  'reserve_for_failover',
  'reuse_failover_reservation',
  'reserve_for_committed_resource',
  'capacity_probe',
] satisfies Intent[]);

/** The hint's text, or the first entry if it is a list; '' if absent. */
function hintOf(spec: Fields<RequestSpecFields>, name: string): string {
  const hints = spec.scheduler_hints ?? {};
  const value = Object.hasOwn(hints, name) ? hints[name] : undefined;
  const first = Array.isArray(value) ? value[0] : value;
  return typeof first === 'string' ? first : '';
}

export function intentOf(spec: Fields<RequestSpecFields>): Intent {
  const type = hintOf(spec, '_nova_check_type');
  if (type === '') return 'unknown';
  // the set contains only these literals
  return checkTypes.has(type) ? (type as Intent) : 'create';
}

export function parseNovaRequest({ spec, options }: NovaExternalRequest): PlacementRequest {
  const fields = dataOf(spec);
  const flavor = dataOf(fields.flavor);
  const specs = flavor.extra_specs ?? {};
  const properties: Readonly<Record<string, unknown>> = dataOf(dataOf(fields.image).properties);
  const sizes = sizesOf(flavor, fields.is_bfv === true);
  const traits = traitsOf(specs);
  const levels = dataOf(fields.request_level_params);
  const destination = fields.requested_destination
    ? dataOf(fields.requested_destination)
    : undefined;
  return {
    serverId: fields.instance_uuid ?? '',
    projectId: fields.project_id ?? '',
    flavor: flavor.name ?? '',
    zone: fields.availability_zone ?? null,
    intent: intentOf(fields),
    instances: fields.num_instances ?? 1,
    together: 1,
    resources: resourcesOf(specs, sizes),
    topology: topologyOf(specs, properties, sizes),
    requiredTraits: [
      ...traits.required,
      ...(levels.root_required ?? []),
      ...imageTraits(properties),
    ],
    forbiddenTraits: [...traits.forbidden, ...(levels.root_forbidden ?? [])],
    capabilities: capabilitiesOf(specs),
    image: imageRequest(properties, specs),
    deviceProfile: specs['accel:device_profile'] ?? '',
    ignoredHosts: fields.ignore_hosts ?? [],
    forcedHosts: fields.force_hosts ?? [],
    forcedNodes: fields.force_nodes ?? [],
    destination: destination
      ? {
          host: destination.host ?? '',
          node: destination.node ?? '',
          aggregates: destination.aggregates ?? [],
          forbiddenAggregates: destination.forbidden_aggregates ?? [],
        }
      : null,
    group: fields.instance_group ? groupOf(dataOf(fields.instance_group)) : null,
    sourceHost: hintOf(fields, 'source_host'),
    domainName: hintOf(fields, 'domain_name'),
    resourceGroup: hintOf(fields, '_cortex_resource_group'),
    hwVersion: specs['quota:hw_version'] ?? specs['hw_version'] ?? '',
    ...optionsOf(options),
  };
}

function optionsOf(options: ExternalOptions | undefined) {
  return {
    assumeEmptyHosts: options?.assume_empty_hosts ?? false,
    lockReservations: options?.lock_reservations ?? false,
    // unknown type names match no reservation
    ignoredReservationTypes: (options?.ignored_reservation_types ?? []) as ReservationType[],
  };
}

/** The flavor's sizes in Placement's terms: nova.scheduler.utils, resources_from_flavor. */
function sizesOf(flavor: Fields<FlavorFields>, bootsFromVolume: boolean) {
  return {
    vcpus: flavor.vcpus ?? 0,
    memoryMib: flavor.memory_mb ?? 0,
    diskGib:
      (bootsFromVolume ? 0 : (flavor.root_gb ?? 0)) +
      (flavor.ephemeral_gb ?? 0) +
      Math.ceil((flavor.swap ?? 0) / 1024),
  };
}

function groupOf(group: Fields<InstanceGroupFields>): GroupRequest {
  const rules = group._rules ?? group.rules ?? {};
  // The rule may be a number or, as Nova's database keeps it, a text.
  const most = Number(rules['max_server_per_host']);
  return {
    id: group.uuid ?? '',
    name: group.name ?? group.uuid ?? '',
    policy: group.policy ?? group.policies?.[0] ?? '',
    members: group.members ?? [],
    hosts: group.hosts ?? [],
    maxPerHost: Number.isInteger(most) && most > 0 ? most : 1,
  };
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

function imageRequest(
  properties: Readonly<Record<string, unknown>>,
  specs: Readonly<Record<string, string>>,
): ImageRequest {
  return {
    hypervisorType: textOf(properties['img_hv_type']) || textOf(properties['hypervisor_type']),
    architecture: textOf(properties['hw_architecture']) || textOf(properties['architecture']),
    firmware: textOf(properties['hw_firmware_type']),
    secureBoot:
      (textOf(properties['os_secure_boot']) || (specs['os:secure_boot'] ?? '')) === 'required',
  };
}

/**
 * The traits that an image requires. Nova stores an image's `trait:X=required` as one list:
 * nova.objects.image_meta.
 */
function imageTraits(properties: Readonly<Record<string, unknown>>): string[] {
  const listed = properties['traits_required'];
  return [
    ...(Array.isArray(listed)
      ? listed.filter((one): one is string => typeof one === 'string')
      : []),
    ...Object.entries(properties).flatMap(([key, value]) =>
      key.startsWith('trait:') && value === 'required' ? [key.slice('trait:'.length)] : [],
    ),
  ];
}
