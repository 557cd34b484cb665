// Applies `ignore_hosts`, `force_hosts` and `force_nodes` of the request.
import { hostSetOf } from '../fleet/host-set-of.ts';
import type { FilterRun } from '../pipeline/filter-run.ts';
import { defineFilter } from '../pipeline/step.ts';

export const hostInstructions = defineFilter({
  name: 'filter_host_instructions',
  onFailure: 'refuse',
  run(run) {
    const { ignoredHosts, forcedHosts, forcedNodes } = run.request;
    if (ignoredHosts.length > 0) run.drop(hostSetOf(run.fleet, ignoredHosts), 'ignored');
    if (forcedHosts.length > 0) keepForced(run, forcedHosts, []);
    if (forcedNodes.length > 0) keepForced(run, [], forcedNodes);
  },
});

function keepForced(run: FilterRun, hosts: readonly string[], nodes: readonly string[]): void {
  run.keep(hostSetOf(run.fleet, hosts, nodes), 'notForced', [...hosts, ...nodes].join(', '));
}
