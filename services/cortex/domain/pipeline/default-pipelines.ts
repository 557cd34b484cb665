// The pipelines that Cortex starts with, under the names of the original Cortex.
import type { FilterSpec, PipelineSpec, WeigherSpec } from '#contracts/cortex/pipeline.ts';
import { generalPurpose, hanaBinPacking } from '../request/infer-pipeline.ts';

// Cheap filters come first; the result does not depend on the order.
const kvmFilters: readonly FilterSpec[] = [
  { name: 'filter_host_instructions' },
  { name: 'filter_requested_destination' },
  { name: 'filter_correct_az' },
  { name: 'filter_status_conditions' },
  {
    name: 'filter_external_customer',
    params: [{ key: 'domainNamePrefixes', stringListValue: ['iaas-'] }],
  },
  { name: 'filter_allowed_projects' },
  { name: 'filter_aggregate_metadata' },
  { name: 'filter_image_properties' },
  { name: 'filter_capabilities' },
  { name: 'filter_has_requested_traits' },
  { name: 'filter_has_accelerators' },
  { name: 'filter_live_migratable' },
  { name: 'filter_instance_group_affinity' },
  { name: 'filter_instance_group_anti_affinity' },
  { name: 'filter_exclude_hosts' },
  { name: 'filter_quota_enforcement' },
  { name: 'filter_has_enough_capacity' },
];

const byMemory = [{ key: 'resourceWeights', floatMapValue: { memory: 1 } }];

/** `binpack`: 1 fills hosts, -1 spreads load. */
const kvmWeighers = (binpack: 1 | -1): WeigherSpec[] => [
  { name: 'kvm_prefer_smaller_hosts', params: byMemory },
  // Outweighs all other weighers together, since tenants notice when a soft policy is not kept.
  { name: 'kvm_instance_group_soft_affinity', multiplier: 10 },
  { name: 'kvm_binpack', multiplier: binpack, params: byMemory },
  { name: 'kvm_failover_evacuation' },
  { name: 'kvm_failover_reservation_consolidation' },
  { name: 'kvm_committed_resource_reservation' },
];

const kvm = (binpack: 1 | -1): PipelineSpec => ({
  schedulingDomain: 'nova',
  type: 'filter-weigher',
  ignorePreselection: true,
  filters: [...kvmFilters],
  weighers: kvmWeighers(binpack),
});

export const defaultPipelines: Readonly<Record<string, PipelineSpec>> = {
  [generalPurpose]: kvm(-1),
  [hanaBinPacking]: kvm(1),
};
