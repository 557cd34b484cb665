// Validates a flavor's extra specs from microversion 2.86 on: in a known namespace the key must be
// known and its value valid. Keys in other namespaces are free. Pure.
// https://docs.openstack.org/nova/latest/configuration/extra-specs.html
import type { Outcome } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';

interface Rule {
  key: RegExp;
  value: RegExp;
  /** Description of valid values, for the fault's message. */
  allowed: string;
}

const rule = (key: RegExp, value: RegExp, allowed: string): Rule => ({ key, value, allowed });
const whole = /^\d+$/;
const bool = /^(true|false|yes|no|on|off|1|0|t|f|y|n)$/i;
const words = (...list: string[]): Pick<Rule, 'value' | 'allowed'> => ({
  value: new RegExp(`^(${list.join('|')})$`),
  allowed: `one of ${list.join(', ')}`,
});
const cpuList = /^\^?\d+(-\d+)?(,\^?\d+(-\d+)?)*$/;

const rules: readonly Rule[] = [
  { key: /^hw:cpu_policy$/, ...words('dedicated', 'shared', 'mixed') },
  { key: /^hw:cpu_thread_policy$/, ...words('prefer', 'isolate', 'require') },
  { key: /^hw:emulator_threads_policy$/, ...words('isolate', 'share') },
  rule(
    /^hw:(numa_nodes|cpu_sockets|cpu_cores|cpu_threads|cpu_max_sockets|cpu_max_cores|cpu_max_threads|serial_port_count)$/,
    /^[1-9]\d*$/,
    'a whole number from 1',
  ),
  rule(
    /^hw:(numa_cpus\.\d+|cpu_dedicated_mask|cpu_realtime_mask)$/,
    cpuList,
    'a list of CPUs, e.g. 0-3,^1',
  ),
  rule(/^hw:numa_mem\.\d+$/, /^[1-9]\d*$/, 'a whole number from 1'),
  rule(
    /^hw:mem_page_size$/,
    /^(small|large|any|\d+([KkMmGg][Bb]?)?)$/,
    'small, large, any or a size',
  ),
  rule(
    /^hw:(cpu_realtime|boot_menu|mem_encryption|pmu|vif_multiqueue_enabled|virtio_packed_ring|tpm_secret_security|locked_memory|hide_hypervisor_id)$/,
    bool,
    'a boolean',
  ),
  { key: /^hw:pci_numa_affinity_policy$/, ...words('required', 'preferred', 'legacy', 'socket') },
  { key: /^hw:watchdog_action$/, ...words('none', 'pause', 'poweroff', 'reset', 'disabled') },
  { key: /^hw:viommu_model$/, ...words('intel', 'smmuv3', 'virtio', 'auto') },
  { key: /^hw:tpm_version$/, ...words('1.2', '2.0') },
  { key: /^hw:tpm_model$/, ...words('tpm-tis', 'tpm-crb') },
  { key: /^hw:(maxphysaddr_mode)$/, ...words('passthrough', 'emulate') },
  rule(
    /^hw:(maxphysaddr_bits|mem_encryption_model|sound_model|usb_model|redirected_usb_ports|input_bus|firmware_type|machine_type|pmem|virtual_gpu_model)$/,
    /^.+$/,
    'some text',
  ),
  rule(/^hw_rng:allowed$/, bool, 'a boolean'),
  rule(/^hw_rng:(rate_bytes|rate_period)$/, whole, 'a whole number'),
  rule(/^hw_video:ram_max_mb$/, whole, 'a whole number'),
  rule(
    /^quota:(cpu|memory|disk_io|vif)_(limit|reservation|shares_share|shares_level)$/,
    /^(\d+|low|normal|high|custom)$/,
    'a whole number or a level',
  ),
  rule(
    /^quota:(cpu_shares|cpu_period|disk_(read|write|total)_(bytes|iops)_sec(_max)?(_length)?|vif_(inbound|outbound)_(average|peak|burst))$/,
    whole,
    'a whole number',
  ),
  rule(/^quota:cpu_quota$/, /^-?\d+$/, 'a whole number'),
  rule(
    /^resources([a-zA-Z0-9_-]{1,64})?:(VCPU|PCPU|MEMORY_MB|DISK_GB|PCI_DEVICE|VGPU|SRIOV_NET_VF|IPV4_ADDRESS|NUMA_[A-Z]+|NET_[A-Z_]+|FPGA|PGPU|MEM_ENCRYPTION_CONTEXT|CUSTOM_[A-Z0-9_]+)$/,
    whole,
    'a whole number',
  ),
  { key: /^trait([a-zA-Z0-9_-]{1,64})?:[A-Z0-9_]+$/, ...words('required', 'forbidden') },
  { key: /^group_policy$/, ...words('none', 'isolate') },
  rule(/^accel:device_profile$/, /^[a-zA-Z0-9_-]+$/, 'the name of a device profile'),
  rule(/^pci_passthrough:alias$/, /^[^:,]+:\d+(,[^:,]+:\d+)*$/, 'a list of alias:count'),
  { key: /^os:secure_boot$/, ...words('disabled', 'optional', 'required') },
  rule(/^capabilities:.+$/, /^.+$/, 'some text'),
  rule(/^aggregate_instance_extra_specs:.+$/, /^.+$/, 'some text'),
  rule(/^hide_hypervisor_id$/, bool, 'a boolean'),
];

const knownNamespaces =
  /^(accel|aggregate_instance_extra_specs|capabilities|hw|hw_rng|hw_video|os|pci_passthrough|quota|resources[a-zA-Z0-9_-]{0,64}|trait[a-zA-Z0-9_-]{0,64}):/;

/** badRequest: names the first invalid key and the values allowed for it. */
export function checkExtraSpecs(specs: Readonly<Record<string, string>>): Outcome<undefined> {
  for (const [key, value] of Object.entries(specs)) {
    const rule = rules.find((candidate) => candidate.key.test(key));
    if (rule && !rule.value.test(value))
      return fault(
        'badRequest',
        `Validation failed; extra spec '${key}': '${value}' is not ${rule.allowed}.`,
      );
    if (!rule && knownNamespaces.test(key))
      return fault(
        'badRequest',
        `Validation failed; extra spec '${key}' does not appear to be a valid extra spec.`,
      );
  }
  return undefined;
}
