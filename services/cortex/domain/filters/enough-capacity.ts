// Keeps hosts whose free capacity fits the server: exact amounts of every resource class, the
// host's maximum per server (`max_unit`), and NUMA cells and huge pages where they are known.
// Reserved capacity counts as used, except by reservations that this request may use. A host with
// more used than it has is never kept.
import type { ReservationType } from '../fleet/host-facts.ts';
import type { ResourceColumn } from '../fleet/resource-column.ts';
import type { FilterRun } from '../pipeline/filter-run.ts';
import { defineFilter } from '../pipeline/step.ts';
import { fitsCells, hasPages } from './fits-cells.ts';
import { unlockedByHost } from './unlocked-reservations.ts';

export const enoughCapacity = defineFilter({
  name: 'filter_has_enough_capacity',
  onFailure: 'refuse',
  parameters: {
    lockReserved: 'bool',
    ignoredReservationTypes: 'stringList',
    ignoreAllocations: 'bool',
  },
  run(run, parameters) {
    const { fleet, request } = run;
    const unlocked = unlockedByHost(fleet, request, {
      lockReserved: (parameters.lockReserved ?? false) || request.lockReservations,
      ignoredTypes: [
        // unknown type names match no reservation
        ...((parameters.ignoredReservationTypes ?? []) as readonly ReservationType[]),
        ...request.ignoredReservationTypes,
      ],
    });
    const isEmpty = (parameters.ignoreAllocations ?? false) || request.assumeEmptyHosts;
    for (const [resourceClass, amount] of request.resources) {
      const column = fleet.resource(resourceClass);
      const ofAll = amount * request.together;
      const extra = unlocked?.get(resourceClass);
      if (isEmpty) dropByEmptyHost(run, column, ofAll, extra);
      else run.dropBelow(column.freeUnits, ofAll, 'capacity', resourceClass, extra);
      if (column.hasMaxUnits) run.dropBelow(column.maxUnits, amount, 'maxUnit', resourceClass);
    }
    if (request.topology && !isEmpty) dropByTopology(run);
  },
});

/** Treats the host as if no server were on it; reservations still count. */
function dropByEmptyHost(
  run: FilterRun,
  column: ResourceColumn,
  amount: number,
  extra: ReadonlyMap<number, number> | undefined,
): void {
  const room = (host: number): number =>
    (column.capacity[host] ?? 0) - (column.reserved[host] ?? 0) + (extra?.get(host) ?? 0);
  run.dropWhere((host) => room(host) < amount, 'capacity', column.name);
}

function dropByTopology(run: FilterRun): void {
  const { topology } = run.request;
  if (!topology) return;
  const cellsOf = (host: number) => run.fleet.cells[host];
  if (topology.pageSizesKib.length > 0)
    run.dropWhere(
      (host) => !hasPages(cellsOf(host), topology),
      'hugePages',
      topology.pageSizesKib.join(' or '),
    );
  run.dropWhere((host) => !fitsCells(cellsOf(host), topology), 'numa', `${topology.nodes.length}`);
}
