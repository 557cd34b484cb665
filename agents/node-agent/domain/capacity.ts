// Capacity of a host, what its guests are allocated, and the capacity with overcommit, in total and
// by NUMA cell. Pure.
import type { HypervisorStatus } from '#contracts/kube/kinds.ts';
import type { CellFacts, GuestFacts } from '#ports/node-facts.ts';
import { quantity } from './quantity.ts';

/** Resource name -> number of CPUs, or bytes of memory. */
type Amounts = Map<string, number>;

const bytesOf = (resource: string): boolean => resource !== 'cpu';
/** Kubernetes' name of the resource. https://kubernetes.io/docs/tasks/manage-hugepages/ */
const hugePages = (sizeBytes: number): string => `hugepages-${quantity(sizeBytes)}`;

const add = (amounts: Amounts, resource: string, amount: number): void =>
  void amounts.set(resource, (amounts.get(resource) ?? 0) + amount);

const shown = (amounts: Amounts): Record<string, string> =>
  Object.fromEntries(
    [...amounts].map(([resource, amount]) => [
      resource,
      bytesOf(resource) ? quantity(Math.floor(amount)) : cpus(amount),
    ]),
  );

/**
 * CPUs as a Quantity. A guest whose CPUs are divided among cells has a fraction in each: `1500m`.
 */
const cpus = (amount: number): string =>
  Number.isInteger(amount) ? `${amount}` : `${Math.floor(amount * 1_000)}m`;

function capacityOf(cell: CellFacts): Amounts {
  const amounts: Amounts = new Map([
    ['cpu', cell.cpus],
    ['memory', cell.memoryBytes],
  ]);
  for (const { sizeBytes, count } of cell.hugePages)
    if (count > 0) add(amounts, hugePages(sizeBytes), sizeBytes * count);
  return amounts;
}

/** Capacity times the overcommit ratio of the spec; huge pages cannot be overcommitted. */
const effective = (capacity: Amounts, overcommit: Readonly<Record<string, number>>): Amounts =>
  new Map(
    [...capacity].map(([resource, amount]) => [
      resource,
      Math.floor(amount * Math.max(1, overcommit[resource] ?? 1)),
    ]),
  );

function total(all: readonly Amounts[]): Amounts {
  const sum: Amounts = new Map();
  for (const each of all) for (const [resource, amount] of each) add(sum, resource, amount);
  return sum;
}

/**
 * What guests are allocated in each cell. A guest bound to cells is divided evenly among them,
 * others among all cells. A stopped guest keeps its allocation, as in Placement.
 */
function allocated(cells: readonly CellFacts[], guests: readonly GuestFacts[]): Amounts[] {
  const ofCell = new Map(
    cells.map((cell): [number, Amounts] => {
      const resources = [...capacityOf(cell).keys()];
      return [cell.id, new Map(resources.map((resource) => [resource, 0]))];
    }),
  );
  const defaultPage = cells[0]?.hugePages[0]?.sizeBytes;
  for (const { vcpus, memoryBytes, cells: bound, hugePageBytes } of guests) {
    const boundHere = bound.filter((id) => ofCell.has(id));
    const ids = boundHere.length > 0 ? boundHere : [...ofCell.keys()];
    const pageBytes = hugePageBytes === 0 ? defaultPage : (hugePageBytes ?? undefined);
    for (const id of ids) {
      const amounts = ofCell.get(id) ?? new Map<string, number>();
      add(amounts, 'cpu', vcpus / ids.length);
      add(amounts, 'memory', memoryBytes / ids.length);
      if (pageBytes !== undefined) add(amounts, hugePages(pageBytes), memoryBytes / ids.length);
    }
  }
  return [...ofCell.values()];
}

export type CapacityStatus = Pick<
  HypervisorStatus,
  'allocation' | 'capacity' | 'effectiveCapacity' | 'cells'
>;

/**
 * The capacities, allocations and effective capacities of the host and of each cell, as the
 * Hypervisor's status shows them. `overcommit`: ratios in the Hypervisor's spec, by resource.
 */
export function capacityStatus(
  unordered: readonly CellFacts[],
  guests: readonly GuestFacts[],
  overcommit: Readonly<Record<string, number>> = {},
): CapacityStatus {
  const cells = unordered.toSorted((one, other) => one.id - other.id);
  const capacities = cells.map(capacityOf);
  const effectives = capacities.map((capacity) => effective(capacity, overcommit));
  const allocations = allocated(cells, guests);
  const none: Amounts = new Map();
  return {
    allocation: shown(total(allocations)),
    capacity: shown(total(capacities)),
    effectiveCapacity: shown(effective(total(capacities), overcommit)),
    cells: cells.map(({ id }, at) => ({
      cellID: id,
      allocation: shown(allocations[at] ?? none),
      capacity: shown(capacities[at] ?? none),
      effectiveCapacity: shown(effectives[at] ?? none),
    })),
  };
}
