// A server of a group with policy `anti-affinity` goes to hosts with fewer than
// `max_server_per_host` (default 1) members of the group.
import { add } from '../fleet/host-set.ts';
import { defineFilter } from '../pipeline/step.ts';
import { membersByHost } from './instance-group.ts';

export const instanceGroupAntiAffinity = defineFilter({
  name: 'filter_instance_group_anti_affinity',
  onFailure: 'refuse',
  run(run) {
    const { group } = run.request;
    if (group?.policy !== 'anti-affinity') return;
    const full = new Int32Array(run.fleet.words);
    for (const [host, count] of membersByHost(run.fleet, run.request))
      if (count >= group.maxPerHost) add(full, host);
    run.drop(full, 'antiAffinity', group.name);
  },
});
