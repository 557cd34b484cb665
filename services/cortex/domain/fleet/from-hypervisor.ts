// Facts of a host from its `Hypervisor` resource (kvm.cloud.sap/v1) that OpenStack's APIs do not
// have: allowed projects, features for guests, NUMA cells, whether it is being removed. Capacities
// and usage come from Placement.
import type { Hypervisor } from '#contracts/kube/kinds.ts';
import { parseQuantity } from '#contracts/kube/quantity.ts';
import type { HostFacts, NumaCellFacts } from './host-facts.ts';

type Quantities = Readonly<Record<string, string>> | undefined;

const bytesPerMib = 2 ** 20;

/** Adds the facts of the Hypervisor resource to those of the host. */
export function withHypervisor(
  facts: HostFacts,
  { metadata, spec, status }: Hypervisor,
): HostFacts {
  const isTrue = (type: string): boolean =>
    status?.conditions?.find((one) => one.type === type)?.status === 'True';
  const can = status?.domainCapabilities;
  return {
    ...facts,
    disabled: facts.disabled || isTrue('HypervisorDisabled'),
    terminating: isTrue('Terminating') || metadata.deletionTimestamp !== undefined,
    architecture:
      facts.architecture || knownText(status?.capabilities?.cpuArch) || knownText(can?.arch),
    guestFeatures: [
      ...(can?.supportedCpuModes ?? []),
      ...(can?.supportedFeatures ?? []),
      ...(can?.supportedDevices ?? []),
    ],
    traits: [
      ...new Set([...facts.traits, ...(status?.traits ?? []), ...(spec.customTraits ?? [])]),
    ],
    allowedProjects: spec.allowedProjects ?? [],
    cells: status?.cells?.map(cellOf),
  };
}

/** The resource has 'unknown' for what has not been reported yet. */
const knownText = (text: string | undefined): string =>
  text === undefined || text === 'unknown' ? '' : text;

type Cell = NonNullable<NonNullable<Hypervisor['status']>['cells']>[number];

/** Converts bytes to MiB exactly, as fractions, without rounding. */
function cellOf({ capacity, effectiveCapacity, allocation }: Cell): NumaCellFacts {
  const amountIn = (quantities: Quantities, quantity: string): number =>
    parseQuantity(quantities?.[quantity]) ?? 0;
  const free = (quantity: string): number =>
    amountIn(effectiveCapacity ?? capacity, quantity) - amountIn(allocation, quantity);
  return { freeVcpus: free('cpu'), freeMemoryMib: free('memory') / bytesPerMib };
}
