// For groups with a soft policy: weighs by the number of members on the host, negatively for
// `soft-anti-affinity`. Counts are divided by the greatest one, since tanh hardly distinguishes 3
// from 4.
import { membersByHost } from '../filters/instance-group.ts';
import { add, has } from '../fleet/host-set.ts';
import { defineWeigher } from '../pipeline/step.ts';
import { tanh } from '../pipeline/tanh.ts';

const signs: Readonly<Record<string, 1 | -1>> = { 'soft-affinity': 1, 'soft-anti-affinity': -1 };

export const kvmInstanceGroupSoftAffinity = defineWeigher({
  name: 'kvm_instance_group_soft_affinity',
  create:
    () =>
    ({ run, hosts, count, weights, multiplier }) => {
      const sign = signs[run.request.group?.policy ?? ''];
      if (sign === undefined) return false;
      const members = membersByHost(run.fleet, run.request);
      if (members.size === 0) return false;
      const withMembers = new Int32Array(run.fleet.words);
      for (const host of members.keys()) add(withMembers, host);
      const most = Math.max(...members.values());
      for (let place = 0; place < count; place += 1) {
        const host = hosts[place] ?? 0;
        if (!has(withMembers, host)) continue;
        const activation = (sign * (members.get(host) ?? 0)) / most;
        weights[place] = (weights[place] ?? 0) + multiplier * tanh(activation);
      }
      return true;
    },
});
