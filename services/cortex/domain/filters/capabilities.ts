// Compares extra specs `capabilities:<name>` with facts of the hosts, using Nova's operators. No
// host satisfies a name that is unknown here.
import type { Fleet } from '../fleet/fleet.ts';
import type { FilterRun } from '../pipeline/filter-run.ts';
import { defineFilter } from '../pipeline/step.ts';
import { meets } from './capability-operators.ts';

type Value = (fleet: Fleet, host: number) => string | number;

const amount =
  (resourceClass: string, column: 'capacity' | 'free'): Value =>
  (fleet, host) =>
    fleet.resource(resourceClass)[column][host] ?? 0;

/** Attribute names of nova.scheduler.host_manager, HostState. */
const values: Readonly<Record<string, Value>> = {
  hypervisor_version: (fleet, host) => fleet.hypervisorVersions[host] ?? 0,
  hypervisor_hostname: (fleet, host) => fleet.nodeNames[host] ?? '',
  host: (fleet, host) => fleet.names[host] ?? '',
  vcpus_total: amount('VCPU', 'capacity'),
  total_usable_ram_mb: amount('MEMORY_MB', 'capacity'),
  free_ram_mb: amount('MEMORY_MB', 'free'),
  total_usable_disk_gb: amount('DISK_GB', 'capacity'),
  num_instances: (fleet, host) => fleet.serverCounts[host] ?? 0,
};

/** Names by which flavors ask for an architecture. */
const architectureNames = new Set(['cpu_arch', 'cpu_info:arch', 'arch']);

export const capabilities = defineFilter({
  name: 'filter_capabilities',
  onFailure: 'refuse',
  run(run) {
    for (const [name, wanted] of run.request.capabilities) {
      const detail = `${name} ${wanted}`;
      if (name === 'hypervisor_type') keepKinds(run, 'hypervisorTypes', wanted, detail);
      else if (architectureNames.has(name)) keepKinds(run, 'architectures', wanted, detail);
      else keepValues(run, name, wanted, detail);
    }
  },
});

/**
 * Keeps the hosts whose hypervisor type or architecture meets `wanted`. These facts have few
 * distinct values, each with its set of hosts: compares once per value instead of once per host.
 */
function keepKinds(
  run: FilterRun,
  index: 'hypervisorTypes' | 'architectures',
  wanted: string,
  detail: string,
): void {
  const sets = run.fleet[index];
  const fitting = new Int32Array(run.fleet.words);
  for (const value of sets.names()) {
    if (!meets(value.toLowerCase(), wanted.toLowerCase())) continue;
    const set = sets.of(value);
    for (let word = 0; word < fitting.length; word += 1)
      fitting[word] = (fitting[word] ?? 0) | (set?.[word] ?? 0);
  }
  run.keep(fitting, 'capability', detail);
}

function keepValues(run: FilterRun, name: string, wanted: string, detail: string): void {
  const value = Object.hasOwn(values, name) ? values[name] : undefined;
  run.dropWhere(
    (host) => value === undefined || !meets(value(run.fleet, host), wanted),
    'capability',
    detail,
  );
}
