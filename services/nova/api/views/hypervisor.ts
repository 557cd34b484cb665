// The JSON of a compute node: one table of fields, with the microversions that have each field.
// https://docs.openstack.org/api-ref/compute/#hypervisors-os-hypervisors
import type { Json, JsonObject } from '#contracts/common/json.ts';
import type { HostFacts } from '#contracts/nova/guest.ts';
import type { HostUsage } from '../../store/hosts.ts';
import type { ComputeNodeRow, ServiceRow } from '../../store/tables.ts';

export interface Hypervisor {
  node: ComputeNodeRow;
  service: ServiceRow;
  up: boolean;
  facts: HostFacts;
  used: HostUsage;
  /** The servers on the host; undefined: the request did not ask for them. */
  servers: { uuid: string; name: string }[] | undefined;
  /** In the format of the `uptime` command; null: the host has not reported it. */
  uptime: string | null;
}

interface Field {
  name: string;
  since?: number;
  until?: number;
  value(hypervisor: Hypervisor, version: number): Json | undefined;
}

const brief: readonly Field[] = [
  { name: 'id', until: 52, value: ({ node }) => node.id },
  { name: 'id', since: 53, value: ({ node }) => node.uuid },
  // The host name as servers and the scheduler have it; libvirtd on the host may report a different
  // name.
  { name: 'hypervisor_hostname', value: ({ node }) => node.host },
  { name: 'state', value: ({ up }) => (up ? 'up' : 'down') },
  { name: 'status', value: ({ service }) => (service.disabled === 1 ? 'disabled' : 'enabled') },
  // Until 2.74 an empty list is left out.
  { name: 'servers', until: 74, value: ({ servers }) => (servers?.length ? servers : undefined) },
  { name: 'servers', since: 75, value: ({ servers }) => servers },
];

const sizes: readonly Field[] = [
  { name: 'vcpus', value: ({ facts }) => facts.vcpus },
  { name: 'memory_mb', value: ({ facts }) => facts.memoryMib },
  { name: 'local_gb', value: ({ facts }) => facts.diskGib },
  { name: 'vcpus_used', value: ({ used }) => used.vcpus },
  { name: 'memory_mb_used', value: ({ used }) => used.memoryMib },
  { name: 'local_gb_used', value: ({ used }) => used.diskGib },
  { name: 'free_ram_mb', value: ({ facts, used }) => facts.memoryMib - used.memoryMib },
  { name: 'free_disk_gb', value: ({ facts, used }) => facts.diskGib - used.diskGib },
  { name: 'current_workload', value: ({ used }) => used.busy },
  { name: 'running_vms', value: ({ used }) => used.servers },
  { name: 'disk_available_least', value: ({ facts }) => facts.freeDiskGib },
];

const whole: readonly Field[] = [
  ...brief,
  { name: 'hypervisor_type', value: ({ facts }) => facts.hypervisorType },
  { name: 'hypervisor_version', value: ({ facts }) => facts.hypervisorVersion },
  { name: 'host_ip', value: ({ facts }) => facts.hostIp },
  {
    name: 'service',
    value: ({ service }, version) => ({
      id: version >= 53 ? service.uuid : service.id,
      host: service.host,
      disabled_reason: service.disabled_reason,
    }),
  },
  // From 2.88 on these fields are omitted: Placement is the source for inventory and usage.
  ...sizes.map((field): Field => ({ ...field, until: 87 })),
  { name: 'cpu_info', until: 27, value: ({ facts }) => JSON.stringify(facts.cpu) },
  { name: 'cpu_info', since: 28, until: 87, value: ({ facts }) => ({ ...facts.cpu }) },
  { name: 'uptime', since: 88, value: ({ uptime }) => uptime },
];

export const hypervisorView = (hypervisor: Hypervisor, version: number): JsonObject =>
  viewOf(whole, hypervisor, version);
export const hypervisorSummary = (hypervisor: Hypervisor, version: number): JsonObject =>
  viewOf(brief, hypervisor, version);

function viewOf(fields: readonly Field[], hypervisor: Hypervisor, version: number): JsonObject {
  const view: JsonObject = {};
  for (const field of fields) {
    if (version < (field.since ?? 0) || version > (field.until ?? Infinity)) continue;
    const value = field.value(hypervisor, version);
    if (value !== undefined) view[field.name] = value;
  }
  return view;
}

/** Sums over all enabled compute nodes. */
export function hypervisorStatistics(
  hypervisors: readonly Hypervisor[],
  version: number,
): JsonObject {
  const sums: JsonObject = { count: hypervisors.length };
  for (const field of sizes)
    sums[field.name] = hypervisors.reduce(
      (sum, hypervisor) => sum + Number(field.value(hypervisor, version)),
      0,
    );
  return sums;
}
