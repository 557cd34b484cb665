// The pipeline for a Nova request that names none, inferred from its flavor's extra specs.
import type { NovaExternalRequest } from '#contracts/cortex/external-scheduler.ts';

export const generalPurpose = 'kvm-general-purpose-load-balancing';
export const hanaBinPacking = 'kvm-hana-bin-packing';

const exclusiveForHana = 'trait:CUSTOM_HANA_EXCLUSIVE_HOST';

/**
 * A flavor without `capabilities:hypervisor_type` gets the KVM pipeline; the original Cortex
 * refuses it. The result may name a pipeline that is not configured, which the caller must refuse.
 */
export function inferPipeline({ spec }: NovaExternalRequest): string {
  const flavor = spec['nova_object.data'].flavor?.['nova_object.data'];
  const specs = flavor?.extra_specs ?? {};
  const isVmware = specs['capabilities:hypervisor_type']?.toLowerCase() === 'vmware vcenter server';
  const isHana = specs[exclusiveForHana] === 'required';
  if (isVmware) return isHana ? 'vmware-hana-bin-packing' : 'vmware-general-purpose-load-balancing';
  return isHana ? hanaBinPacking : generalPurpose;
}
