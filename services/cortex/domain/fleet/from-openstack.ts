// Facts of a host from Nova's and Placement's public APIs, for clouds without `Hypervisor`
// resources. These APIs do not have CPU features and NUMA cells.
import type { Inventories } from '#contracts/placement/wire.ts';
import type { AggregateFacts, HostFacts, ResourceFacts } from './host-facts.ts';

/** An entry of GET /os-hypervisors/detail?with_servers=true. */
export interface HypervisorEntry {
  id: string;
  hypervisor_hostname: string;
  hypervisor_type?: string;
  hypervisor_version?: number;
  state: string;
  status: string;
  service: { host: string };
  servers?: readonly { uuid: string }[];
}

/** An entry of GET /os-aggregates. */
export interface AggregateEntry {
  uuid: string;
  name: string;
  hosts: readonly string[];
  metadata: Readonly<Record<string, string>>;
}

/** A host's resource provider. */
export interface ProviderFacts {
  generation: number;
  inventories: Inventories;
  usages: Readonly<Record<string, number>>;
  traits: readonly string[];
}

export function factsOfHost(
  hypervisor: HypervisorEntry,
  aggregates: readonly AggregateEntry[],
  provider: ProviderFacts,
  defaultZone: string,
): HostFacts {
  const name = hypervisor.service.host;
  const own = aggregates.filter(({ hosts }) => hosts.includes(name));
  return {
    name,
    hypervisorHostname: hypervisor.hypervisor_hostname,
    zone: own.map(({ metadata }) => metadata['availability_zone']).find(Boolean) ?? defaultZone,
    ready: hypervisor.state === 'up',
    disabled: hypervisor.status !== 'enabled',
    terminating: false,
    hypervisorType: hypervisor.hypervisor_type ?? '',
    hypervisorVersion: hypervisor.hypervisor_version ?? 0,
    architecture: architectureIn(provider.traits),
    guestFeatures: [],
    traits: provider.traits,
    aggregates: own.map(({ uuid, name: title, metadata }): AggregateFacts => ({
      uuid,
      name: title,
      metadata,
    })),
    allowedProjects: [],
    resources: resourcesOf(provider),
    servers: (hypervisor.servers ?? []).map(({ uuid }) => uuid),
  };
}

/** The architecture in traits such as COMPUTE_ARCH_X86_64; '' if the host has none. */
const architectureIn = (traits: readonly string[]): string =>
  traits
    .flatMap((trait) => /^(?:COMPUTE|HW)_ARCH_(\w+)$/.exec(trait)?.[1] ?? [])[0]
    ?.toLowerCase() ?? '';

const resourcesOf = ({ inventories, usages }: ProviderFacts): Record<string, ResourceFacts> =>
  Object.fromEntries(
    Object.entries(inventories).map(([resourceClass, inventory]) => [
      resourceClass,
      {
        // Placement's formula: resource_provider.py, `capacity`.
        capacity: Math.floor((inventory.total - inventory.reserved) * inventory.allocation_ratio),
        used: usages[resourceClass] ?? 0,
        maxUnit: inventory.max_unit,
      },
    ]),
  );
