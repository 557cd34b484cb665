// Values of `device_owner` and `device_id` of Neutron's own ports, as in stock Neutron. Pure.

/** A port that Neutron created for its own use: it has no security groups and no address filter. */
export const isTrusted = (deviceOwner: string): boolean => deviceOwner.startsWith('network:');

export const interfaceOwner = 'network:router_interface';
export const gatewayOwner = 'network:router_gateway';
/** Owners of a router's ports that this Neutron creates. */
export const routerOwners = [interfaceOwner, gatewayOwner] as const;
/** Owners by which stock Neutron, too, knows a router's port. */
const everyRouterOwner: readonly string[] = [
  ...routerOwners,
  'network:router_interface_distributed',
  'network:ha_router_replicated_interface',
];
export const isRouterPort = (deviceOwner: string): boolean =>
  everyRouterOwner.includes(deviceOwner);
/**
 * Owner of a network's metadata port, through which its guests reach metadata. It counts against no
 * quota and never blocks a deletion.
 */
export const metadataOwner = 'network:distributed';
/** `device_id` of a network's metadata port, as in stock Neutron. */
export const metadataDevice = (networkId: string): string => `ovnmeta-${networkId}`;
export const floatingIpOwner = 'network:floatingip';
