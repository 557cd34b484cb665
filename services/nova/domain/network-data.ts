// network_data.json, from which a guest configures its interfaces without DHCP. Pure.
// https://docs.openstack.org/nova/latest/user/metadata.html#openstack-network-metadata and its JSON
// schema (nova doc/api_schemas/network_data.json)
import type { JsonObject } from '#contracts/common/json.ts';
import type { NicAddress, NicInfo } from './network-info.ts';

export function networkData(nics: readonly { info: NicInfo }[]): JsonObject {
  const links = nics.map(({ info }) => ({
    id: linkId(info),
    vif_id: info.portId,
    type: 'ovs',
    mtu: info.mtu,
    ethernet_mac_address: info.mac,
  }));
  let count = 0;
  const networks = nics.flatMap(({ info }) =>
    info.addresses.map((address) => ({ id: `network${count++}`, ...network(info, address) })),
  );
  const servers = [
    ...new Set(nics.flatMap(({ info }) => info.addresses.flatMap(({ dns }) => dns))),
  ];
  return { links, networks, services: servers.map((address) => ({ type: 'dns', address })) };
}

const linkId = ({ portId }: NicInfo): string => `tap${portId.slice(0, 11)}`;

function network(info: NicInfo, address: NicAddress): JsonObject {
  const base = { link: linkId(info), network_id: info.networkId };
  // With DHCP or SLAAC the guest obtains its addresses by itself, so only the type is given; for
  // IPv6 it includes the mode.
  if (address.version === 4 && address.dhcp) return { ...base, type: 'ipv4_dhcp' };
  if (address.version === 6 && address.ipv6Mode !== null)
    return {
      ...base,
      type: address.ipv6Mode === 'slaac' ? 'ipv6_slaac' : `ipv6_${address.ipv6Mode}`,
      ip_address: address.address,
      netmask: netmask(address),
      routes: routes(address),
    };
  return {
    ...base,
    type: address.version === 4 ? 'ipv4' : 'ipv6',
    ip_address: address.address,
    netmask: netmask(address),
    routes: routes(address),
    services: address.dns.map((server) => ({ type: 'dns', address: server })),
  };
}

function routes({ version, gateway, hostRoutes }: NicAddress): JsonObject[] {
  const everywhere =
    version === 4 ? { network: '0.0.0.0', netmask: '0.0.0.0' } : { network: '::', netmask: '::' };
  return [
    ...(gateway === null ? [] : [{ ...everywhere, gateway }]),
    ...hostRoutes.map(({ destination, nexthop }) => ({
      network: destination.split('/')[0] ?? '',
      netmask: maskOf(version, Number(destination.split('/')[1])),
      gateway: nexthop,
    })),
  ];
}

const netmask = ({ cidr, version }: NicAddress): string =>
  maskOf(version, Number(cidr.split('/')[1]));

/** A prefix length as a netmask: 24 -> 255.255.255.0, 64 -> ffff:ffff:ffff:ffff:: */
export function maskOf(version: 4 | 6, length: number): string {
  const [parts, bits] = version === 4 ? [4, 8] : [8, 16];
  const numbers = Array.from({ length: parts }, (_, index) => {
    const set = Math.max(0, Math.min(bits, length - index * bits));
    return (2 ** bits - 1) & ~(2 ** (bits - set) - 1);
  });
  if (version === 4) return numbers.join('.');
  const words = numbers
    .slice(0, Math.max(1, Math.ceil(length / bits)))
    .map((word) => word.toString(16));
  return words.length === 8 ? words.join(':') : length === 0 ? '::' : `${words.join(':')}::`;
}
