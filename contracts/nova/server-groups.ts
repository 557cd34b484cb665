// Policies of server groups, spelled as in the API.
// https://docs.openstack.org/api-ref/compute/#server-groups-os-server-groups

export const serverGroupPolicies = [
  'anti-affinity',
  'affinity',
  'soft-anti-affinity',
  'soft-affinity',
] as const;
export type ServerGroupPolicy = (typeof serverGroupPolicies)[number];
