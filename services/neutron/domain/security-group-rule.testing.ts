// The rule from which tests of security groups derive their own.
import type { RuleFields } from './security-group-rule.ts';

/** Lets all IPv4 traffic in. */
export const anyIngress: RuleFields = {
  direction: 'ingress',
  ethertype: 'IPv4',
  protocol: null,
  port_range_min: null,
  port_range_max: null,
  remote_group_id: null,
  remote_ip_prefix: null,
};
