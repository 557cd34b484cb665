// The rule that tests of security groups start from.
import type { RuleFields } from './security-group-rule.ts';

/** Lets everything in, over IPv4. */
export const anyIngress: RuleFields = {
  direction: 'ingress',
  ethertype: 'IPv4',
  protocol: null,
  port_range_min: null,
  port_range_max: null,
  remote_group_id: null,
  remote_ip_prefix: null,
};
