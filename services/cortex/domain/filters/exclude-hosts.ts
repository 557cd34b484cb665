// Removes the hosts that the pipeline lists by name.
import { hostSetOf } from '../fleet/host-set-of.ts';
import { defineFilter } from '../pipeline/step.ts';

export const excludeHosts = defineFilter({
  name: 'filter_exclude_hosts',
  onFailure: 'refuse',
  parameters: { excludedHosts: 'stringList' },
  run(run, { excludedHosts = [] }) {
    run.drop(hostSetOf(run.fleet, excludedHosts), 'excluded');
  },
});
