// A server of a group with policy `affinity` goes to the hosts that have members of the group.
import { add } from '../fleet/host-set.ts';
import { defineFilter } from '../pipeline/step.ts';
import { membersByHost } from './instance-group.ts';

export const instanceGroupAffinity = defineFilter({
  name: 'filter_instance_group_affinity',
  onFailure: 'refuse',
  run(run) {
    const { group } = run.request;
    if (group?.policy !== 'affinity') return;
    const members = membersByHost(run.fleet, run.request);
    if (members.size === 0 && group.hosts.length === 0) return;
    const set = new Int32Array(run.fleet.words);
    for (const host of members.keys()) add(set, host);
    run.keep(set, 'affinity', group.name);
  },
});
