// Values of `device_owner` and `device_id` of Neutron's own ports, as in stock Neutron. Pure.

/** A port that Neutron created for its own use: it has no security groups and no address filter. */
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
