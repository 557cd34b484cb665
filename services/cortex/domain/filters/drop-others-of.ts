// Removes hosts that have an allow-list on which the request is not.
import type { HostSet } from '../fleet/host-set.ts';
import type { FilterRun } from '../pipeline/filter-run.ts';
import type { Reason } from '../pipeline/reasons.ts';

export function dropOthersOf(
  run: FilterRun,
  withList: HostSet,
  onList: HostSet | undefined,
  reason: Reason,
): void {
  if (!onList) {
    run.drop(withList, reason);
    return;
  }
  const closed = new Int32Array(withList.length);
  for (let word = 0; word < closed.length; word += 1)
    closed[word] = (withList[word] ?? 0) & ~(onList[word] ?? 0);
  run.drop(closed, reason);
}
