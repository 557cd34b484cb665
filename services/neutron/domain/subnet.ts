// Checks of a subnet's attributes. Pure. https://docs.openstack.org/api-ref/network/v2/#subnets,
// https://docs.openstack.org/neutron/latest/admin/config-ipv6.html (address modes)
import type { Outcome } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';
import type { Cidr } from './ip.ts';
import {
  cidrHas,
  cidrsOverlap,
  formatCidr,
  ipToNumber,
  ipVersion,
  isHostAddress,
  parseCidr,
} from './ip.ts';
import { isNoHost, specialUseOf, specialUseWithin } from './special-addresses.ts';

export type Ipv6Mode = 'slaac' | 'dhcpv6-stateful' | 'dhcpv6-stateless';

export interface Route {
  destination: string;
  nexthop: string;
}

const refuse = (type: string, message: string) => fault('badRequest', message, { type });
const invalid = (message: string) =>
  refuse('InvalidInput', `Invalid input for operation: ${message}`);
const maxNameservers = 5;
const maxHostRoutes = 20;

/**
 * Checks ipv6_ra_mode, ipv6_address_mode and DHCP against the prefix; returns the first fault
 * found.
 */
export function checkModes(
  cidr: Cidr,
  enableDhcp: boolean,
  raMode: Ipv6Mode | null,
  addressMode: Ipv6Mode | null,
): Outcome<void> {
  if (cidr.version === 4) {
    if (raMode !== null || addressMode !== null)
      return invalid('ipv6_ra_mode and ipv6_address_mode are for IPv6 subnets: ip_version is 4.');
    return enableDhcp && cidr.length > 30
      ? invalid('Subnet has a prefix length that is incompatible with DHCP service enabled.')
      : undefined;
  }
  if (!enableDhcp && (raMode !== null || addressMode !== null))
    return invalid(
      'ipv6_ra_mode or ipv6_address_mode cannot be set when enable_dhcp is set to False.',
    );
  if (raMode !== null && addressMode !== null && raMode !== addressMode) {
    return invalid(
      `ipv6_ra_mode set to '${raMode}' with ipv6_address_mode set to '${addressMode}' is not valid. If both attributes are set, they must be the same value.`,
    );
  }
  const mode = addressMode ?? raMode;
  if (mode !== null && mode !== 'dhcpv6-stateful' && cidr.length !== 64) {
    return invalid(
      `Invalid CIDR ${formatCidr(cidr)} for IPv6 address mode. OpenStack uses the EUI-64 address format, which requires the prefix to be /64.`,
    );
  }
  return undefined;
}

/**
 * Refuses DHCP where it cannot work: on special-purpose and too small prefixes.
 * neutron.db.db_base_plugin_v2, _validate_subnet; link-local addresses are the metadata service's.
 */
export function checkDhcp(cidr: Cidr, enableDhcp: boolean): Outcome<void> {
  if (!enableDhcp) return undefined;
  if (cidr.version === 6 && cidr.length > 126)
    return invalid('Subnet has a prefix length that is incompatible with DHCP service enabled.');
  const use = specialUseWithin(cidr);
  return use === undefined
    ? undefined
    : invalid(
        `${use.charAt(0).toUpperCase()}${use.slice(1)} IP subnet is not supported if enable_dhcp is True.`,
      );
}

/**
 * A gateway outside of the prefix is allowed; inside it must be an address that a host can have.
 */
export function checkGateway(cidr: Cidr, gatewayIp: string | null): Outcome<void> {
  if (gatewayIp === null) return undefined;
  if (ipVersion(gatewayIp) !== cidr.version)
    return invalid(`gateway_ip '${gatewayIp}' does not match the ip_version '${cidr.version}'`);
  if (isNoHost(gatewayIp)) return invalid('Gateway is not valid on subnet.');
  const address = ipToNumber(gatewayIp);
  // IPv6: a gateway may have the first address, the subnet-router anycast address.
  return cidrHas(cidr, address) && !isHostAddress(cidr, address) && cidr.version === 4
    ? invalid('Gateway is not valid on subnet.')
    : undefined;
}

export function checkNameservers(servers: readonly string[], subnet: string): Outcome<void> {
  if (servers.length > maxNameservers)
    return refuse(
      'DNSNameServersExhausted',
      `Unable to complete operation for ${subnet}. The number of DNS nameservers exceeds the limit ${maxNameservers}.`,
    );
  // 0.0.0.0 and :: mean that DHCP offers no name servers.
  // https://docs.openstack.org/neutron/latest/admin/config-dns-res.html
  const wrong = servers.find((server) => isNoHost(server) && !isNoServer(server));
  return wrong === undefined
    ? undefined
    : invalid(`Error parsing dns address ${wrong}: it is a ${specialUseOf(wrong)} address.`);
}

export function checkHostRoutes(
  routes: readonly Route[],
  version: 4 | 6,
  subnet: string,
): Outcome<void> {
  if (routes.length > maxHostRoutes)
    return refuse(
      'HostRoutesExhausted',
      `Unable to complete operation for ${subnet}. The number of host routes exceeds the limit ${maxHostRoutes}.`,
    );
  const wrong = routes.find(
    ({ destination, nexthop }) =>
      parseCidr(destination)?.version !== version || ipVersion(nexthop) !== version,
  );
  if (wrong)
    return invalid(
      `host route ${wrong.destination} via ${wrong.nexthop} does not match the ip_version '${version}'`,
    );
  const special = routes.find((route) => isNoRoute(route));
  return special
    ? invalid(
        `host route ${special.destination} via ${special.nexthop} leads nowhere: these addresses are no host's`,
      )
    : undefined;
}

/** A name server "address" that means: DHCP offers this subnet's hosts no name servers. */
export const isNoServer = (address: string): boolean => address === '0.0.0.0' || address === '::';

/**
 * Whether a host route is senseless: to loopback, unspecified or broadcast addresses, or by a next
 * hop that no host has. Multicast destinations are allowed, and a next hop of 0.0.0.0, which means
 * "on this link": RFC 3442.
 */
export const isNoRoute = ({ destination, nexthop }: Route): boolean =>
  ['loopback', 'unspecified', 'broadcast'].includes(specialUseOf(destination) ?? '') ||
  (isNoHost(nexthop) && nexthop !== '0.0.0.0');

export function checkOverlap(
  cidr: Cidr,
  others: readonly { id: string; cidr: string }[],
  networkId: string,
): Outcome<void> {
  const hit = others.find((other) => {
    const theirs = parseCidr(other.cidr);
    return theirs && cidrsOverlap(cidr, theirs);
  });
  return hit
    ? invalid(
        `Requested subnet with cidr: ${formatCidr(cidr)} for network: ${networkId} overlaps with another subnet.`,
      )
    : undefined;
}
