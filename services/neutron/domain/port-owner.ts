// What the `device_owner` and `device_id` of Neutron's own ports say. Words as stock Neutron's.
// Pure.

/** A port that Neutron made for itself: no security groups, no filter on its addresses. */
export const isTrusted = (deviceOwner: string): boolean => deviceOwner.startsWith('network:');

const routerOwners = [
  'network:router_interface',
  'network:router_gateway',
  'network:router_interface_distributed',
  'network:ha_router_replicated_interface',
];
export const isRouterPort = (deviceOwner: string): boolean => routerOwners.includes(deviceOwner);
export const gatewayOwner = 'network:router_gateway';
export const metadataOwner = 'network:distributed';
/** `device_id` of a network's metadata port, as in stock Neutron. */
export const metadataDevice = (networkId: string): string => `ovnmeta-${networkId}`;
export const floatingIpOwner = 'network:floatingip';
