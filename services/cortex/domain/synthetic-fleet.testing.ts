// Random fleets and requests by seed, for tests and `cobalt bench cortex`: zones, traits,
// aggregates, groups, and hosts of several sizes, some disabled, restricted to projects, or full.
import type {
  InstanceGroupFields,
  NovaExternalRequest,
  NovaObject,
} from '#contracts/cortex/external-scheduler.ts';
import { seededIds } from '#platform/ids.ts';
import type { AggregateFacts, HostFacts, ReservationFacts } from './fleet/host-facts.ts';

export const zones = ['az1', 'az2', 'az3'] as const;
const sizes = [
  { vcpus: 128, memoryMib: 524_288, diskGib: 4_000 },
  { vcpus: 192, memoryMib: 1_048_576, diskGib: 8_000 },
  { vcpus: 256, memoryMib: 2_097_152, diskGib: 16_000 },
];
const flavors = [
  { name: 'g2', vcpus: 2, memory_mb: 4_096, root_gb: 20 },
  { name: 'g4', vcpus: 4, memory_mb: 16_384, root_gb: 40 },
  { name: 'g8', vcpus: 8, memory_mb: 32_768, root_gb: 80 },
  { name: 'g16', vcpus: 16, memory_mb: 65_536, root_gb: 160 },
  { name: 'm64', vcpus: 64, memory_mb: 524_288, root_gb: 320 },
];
const traitNames = Array.from({ length: 40 }, (_, index) => `CUSTOM_T${index}`);
const features = ['mode/host-passthrough', 'feature/avx2', 'feature/avx512f', 'device/video'];

/** Random choices determined by a seed. */
export function createChance(seed: number) {
  const { random } = seededIds(seed);
  const below = (limit: number): number => Math.floor(random() * limit);
  return {
    random,
    below,
    happens: (share: number): boolean => random() < share,
    oneOf: <T>(list: readonly T[]): T => {
      const one = list[below(list.length)];
      if (one === undefined) throw new Error('the list is empty');
      return one;
    },
  };
}
export type Chance = ReturnType<typeof createChance>;

const aggregateOf = (index: number): AggregateFacts => ({
  uuid: `aggregate-${index}`,
  name: `rack-${index}`,
  metadata: index % 25 === 7 ? { filter_tenant_id1: 'project-1,project-2' } : {},
});

export function syntheticHost(index: number, chance: Chance, fill = 0.7): HostFacts {
  const size = chance.oneOf(sizes);
  const use = Math.min(1.05, fill * (0.4 + 1.2 * chance.random()));
  const zone = zones[index % zones.length] ?? null;
  const resource = (capacity: number) => ({ capacity, used: Math.round(capacity * use) });
  return {
    name: `node${String(index).padStart(5, '0')}`,
    hypervisorHostname: `node${index}.example`,
    zone,
    ready: chance.happens(0.98),
    disabled: chance.happens(0.02),
    terminating: chance.happens(0.005),
    hypervisorType: chance.happens(0.8) ? 'QEMU' : 'CH',
    hypervisorVersion: chance.oneOf([8_002_005, 9_000_001]),
    architecture: chance.happens(0.95) ? 'x86_64' : 'aarch64',
    guestFeatures: features.filter((_, at) => at < 2 || chance.happens(0.7)),
    traits: [
      ...traitNames.filter(() => chance.happens(0.5)),
      'COMPUTE_FIRMWARE_BIOS',
      ...(chance.happens(0.8) ? ['COMPUTE_FIRMWARE_UEFI'] : []),
      ...(chance.happens(0.1) ? ['COMPUTE_ACCELERATORS'] : []),
      ...(chance.happens(0.1) ? ['CUSTOM_EXTERNAL_CUSTOMER_EXCLUSIVE'] : []),
    ],
    aggregates: [aggregateOf(Math.floor(index / 20)), aggregateOf(100_000 + (index % 10))],
    allowedProjects: chance.happens(0.03) ? ['project-3'] : [],
    resources: {
      VCPU: resource(size.vcpus * 4),
      MEMORY_MB: resource(size.memoryMib),
      DISK_GB: resource(size.diskGib),
    },
    servers: Array.from({ length: 5 }, (_, at) => `server-${index}-${at}`),
  };
}

export function syntheticHosts(count: number, chance: Chance, fill?: number): HostFacts[] {
  return Array.from({ length: count }, (_, index) => syntheticHost(index, chance, fill));
}

export function syntheticReservation(
  index: number,
  hosts: readonly HostFacts[],
  chance: Chance,
): ReservationFacts {
  const isFailover = chance.happens(0.5);
  return {
    id: `reservation-${index}`,
    type: isFailover ? 'FailoverReservation' : 'CommittedResourceReservation',
    ready: chance.happens(0.9),
    hosts: [chance.oneOf(hosts).name],
    held: { VCPU: 8, MEMORY_MB: 32_768 },
    projectId: `project-${chance.below(50)}`,
    resourceGroup: 'v2',
    zone: chance.oneOf(zones),
    servers: isFailover ? [`server-${chance.below(hosts.length)}-1`] : [],
  };
}

export interface RequestShares {
  /** Share of the requests, 0 to 1, that name an availability zone. */
  zone: number;
  /** Share that requires traits. */
  traits: number;
  /** Share that names aggregates. */
  aggregates: number;
  /** Share whose server is in a server group. */
  groups: number;
  /** Share with `capabilities:*` extra specs. */
  capabilities: number;
}

export const usualShares: RequestShares = {
  zone: 0.8,
  traits: 0.3,
  aggregates: 0.05,
  groups: 0.15,
  capabilities: 0.5,
};

/** A request in Nova's wire format, without hosts. */
export function syntheticRequest(
  index: number,
  hosts: readonly HostFacts[],
  chance: Chance,
  shares: RequestShares = usualShares,
): NovaExternalRequest {
  const flavor = chance.oneOf(flavors);
  const specs: Record<string, string> = { 'quota:hw_version': 'v2' };
  if (chance.happens(shares.capabilities))
    specs['capabilities:hypervisor_type'] = chance.oneOf(['qemu', 'CH', '<or> QEMU <or> CH']);
  if (chance.happens(shares.capabilities / 5)) specs['capabilities:cpu_arch'] = 's== x86_64';
  if (chance.happens(shares.traits)) {
    specs[`trait:${chance.oneOf(traitNames)}`] = 'required';
    specs[`trait:${chance.oneOf(traitNames)}`] = 'forbidden';
  }
  const intent = chance.oneOf(['', '', '', '', 'live_migrate', 'evacuate', 'resize']);
  const source = chance.oneOf(hosts);
  return {
    spec: {
      'nova_object.name': 'RequestSpec',
      'nova_object.data': {
        instance_uuid: intent ? (source.servers[1] ?? '') : `new-${index}`,
        project_id: `project-${chance.below(50)}`,
        user_id: 'user',
        num_instances: 1,
        is_bfv: chance.happens(0.5),
        availability_zone: chance.happens(shares.zone) ? chance.oneOf(zones) : null,
        ignore_hosts: intent ? [source.name] : null,
        scheduler_hints: {
          ...(intent ? { _nova_check_type: [intent], source_host: [source.name] } : {}),
          domain_name: [chance.happens(0.1) ? 'iaas-customer' : 'own'],
        },
        flavor: {
          'nova_object.data': {
            ...flavor,
            ephemeral_gb: 0,
            swap: 0,
            extra_specs: specs,
          },
        },
        image: {
          'nova_object.data': {
            properties: {
              'nova_object.data': chance.happens(0.3) ? { hw_firmware_type: 'uefi' } : {},
            },
          },
        },
        requested_destination: chance.happens(shares.aggregates)
          ? { 'nova_object.data': { aggregates: [`aggregate-${chance.below(hosts.length / 20)}`] } }
          : null,
        instance_group: chance.happens(shares.groups) ? group(hosts, chance) : null,
      },
    },
    context: {},
    hosts: [],
    weights: {},
  };
}

function group(hosts: readonly HostFacts[], chance: Chance): NovaObject<InstanceGroupFields> {
  const members = Array.from({ length: 3 }, () => chance.oneOf(hosts));
  return {
    'nova_object.data': {
      uuid: 'group',
      name: 'group',
      policy: chance.oneOf(['affinity', 'anti-affinity', 'soft-affinity', 'soft-anti-affinity']),
      members: members.map(({ servers }) => servers[0] ?? ''),
      hosts: members.map(({ name }) => name),
      _rules: { max_server_per_host: chance.happens(0.3) ? 2 : 1 },
    },
  };
}
