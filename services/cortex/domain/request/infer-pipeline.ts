// Which pipeline a request of Nova is for, if it names none: by extra specs of its flavor.
import type { NovaExternalRequest } from '#contracts/cortex/external-scheduler.ts';

export const generalPurpose = 'kvm-general-purpose-load-balancing';
export const hanaBinPacking = 'kvm-hana-bin-packing';

const exclusiveForHana = 'trait:CUSTOM_HANA_EXCLUSIVE_HOST';

/**
 * A flavor without `capabilities:hypervisor_type` gets the pipeline for KVM: the original refuses
 * it. Names of a pipeline that is not configured here are the caller's to refuse.
 */
export function inferPipeline({ spec }: NovaExternalRequest): string {
  const flavor = spec['nova_object.data'].flavor?.['nova_object.data'];
  const specs = flavor?.extra_specs ?? {};
  const isVmware = specs['capabilities:hypervisor_type']?.toLowerCase() === 'vmware vcenter server';
  const isHana = specs[exclusiveForHana] === 'required';
  if (isVmware) return isHana ? 'vmware-hana-bin-packing' : 'vmware-general-purpose-load-balancing';
  return isHana ? hanaBinPacking : generalPurpose;
}
