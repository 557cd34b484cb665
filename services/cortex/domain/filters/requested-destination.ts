// Applies `requested_destination`: a host; lists of aggregates, of each of which the host must be
// in at least one; and aggregates that it must not be in.
import { hostSetOf } from '../fleet/host-set-of.ts';
import type { FilterRun } from '../pipeline/filter-run.ts';
import { defineFilter } from '../pipeline/step.ts';

export const requestedDestination = defineFilter({
  name: 'filter_requested_destination',
  onFailure: 'refuse',
  parameters: { ignoredAggregates: 'stringList', ignoredHostnames: 'stringList' },
  run(run, { ignoredAggregates = [], ignoredHostnames = [] }) {
    const { destination } = run.request;
    if (!destination) return;
    const { host, node, aggregates, forbiddenAggregates } = destination;
    if (host && !ignoredHostnames.includes(host))
      run.keep(hostSetOf(run.fleet, [host]), 'notDestination', host);
    if (node) run.keep(hostSetOf(run.fleet, [], [node]), 'notDestination', node);
    for (const list of aggregates) keepAnyOf(run, list, ignoredAggregates);
    for (const list of forbiddenAggregates)
      for (const aggregate of namesIn(list))
        run.drop(run.fleet.aggregates.of(aggregate), 'inForbiddenAggregate', aggregate);
  },
});

const namesIn = (list: string): string[] =>
  list
    .split(',')
    .map((name) => name.trim())
    .filter(Boolean);

function keepAnyOf(run: FilterRun, list: string, ignored: readonly string[]): void {
  const names = namesIn(list).filter((name) => !ignored.includes(name));
  if (names.length === 0) return;
  const union = new Int32Array(run.fleet.words);
  for (const name of names) {
    const set = run.fleet.aggregates.of(name);
    if (!set) continue;
    for (let word = 0; word < union.length; word += 1)
      union[word] = (union[word] ?? 0) | (set[word] ?? 0);
  }
  run.keep(union, 'notInAggregates', names.join(', '));
}
