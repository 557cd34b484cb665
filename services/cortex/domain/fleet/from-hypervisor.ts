// What a resource `Hypervisor` of kvm.cloud.sap/v1 tells of a host beyond OpenStack's APIs: whose
// it is, what guests may use, its NUMA cells, whether it is going. Amounts are Placement's to tell.
import type { Hypervisor } from '#contracts/kube/kinds.ts';
import type { HostFacts, NumaCellFacts } from './host-facts.ts';
import { parseQuantity } from './quantity.ts';

type Quantities = Readonly<Record<string, string>> | undefined;

const bytesPerMib = 2 ** 20;

/** The facts of the host with what its hypervisor tells. */
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
    architecture: facts.architecture || known(status?.capabilities?.cpuArch) || known(can?.arch),
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

/** The resource has 'unknown' where nothing has been reported yet. */
const known = (text: string | undefined): string =>
  text === undefined || text === 'unknown' ? '' : text;

type Cell = NonNullable<NonNullable<Hypervisor['status']>['cells']>[number];

/** Memory is exact: bytes as MiB, so that nothing is taken for 10^6 bytes. */
function cellOf({ capacity, effectiveCapacity, allocation }: Cell): NumaCellFacts {
  const amountIn = (quantities: Quantities, quantity: string): number =>
    parseQuantity(quantities?.[quantity]) ?? 0;
  const free = (quantity: string): number =>
    amountIn(effectiveCapacity ?? capacity, quantity) - amountIn(allocation, quantity);
  return { freeVcpus: free('cpu'), freeMemoryMib: free('memory') / bytesPerMib };
}
