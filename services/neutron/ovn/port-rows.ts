// A port as an OVN logical switch port: its addresses, port security and requested chassis. Pure.
// Columns: ovn-nb(5).
import { linkLocal } from '#contracts/neutron/link-local.ts';
import type { SdnRow } from '#ports/sdn.ts';
import {
  floatingIpOwner,
  gatewayOwner,
  isRouterPort,
  isTrusted,
  metadataOwner,
} from '../domain/port-owner.ts';
import type { PortFacts } from '../domain/sdn-facts.ts';
import { portDhcp } from './dhcp-rows.ts';
import { dropGroupKey } from './group-rows.ts';
import { ownerName, routerPortName, switchName } from './names.ts';

type PortRow = SdnRow & { table: 'Logical_Switch_Port' };

/** Guests ask for metadata at these addresses, on-link; an agent on each host answers. */
const metadataAddresses = ['169.254.169.254', 'fe80::a9fe:a9fe'];

export function portRows(port: PortFacts): SdnRow[] {
  if (port.deviceOwner === floatingIpOwner) return []; // the router answers for a floating address
  const dhcp = isTrusted(port.deviceOwner) ? { rows: [], v4: null, v6: null } : portDhcp(port);
  const row: PortRow = {
    table: 'Logical_Switch_Port',
    key: ownerName('port', port.id),
    columns: {
      name: port.id,
      enabled: port.adminUp,
      ...wiring(port),
      dhcpv4_options: dhcp.v4 === null ? null : { key: dhcp.v4 },
      dhcpv6_options: dhcp.v6 === null ? null : { key: dhcp.v6 },
      external_ids: externalIds(port),
    },
    in: [
      { place: 'Logical_Switch.ports', key: ownerName('network', port.network.id) },
      ...groupsOf(port).map((key) => ({ place: 'Port_Group.ports' as const, key })),
    ],
  };
  return [row, ...dhcp.rows];
}

function wiring(
  port: PortFacts,
): Pick<PortRow['columns'], 'type' | 'addresses' | 'port_security' | 'options'> {
  const own = [port.mac, ...port.fixedIps.map(({ ip }) => ip)];
  if (isRouterPort(port.deviceOwner)) {
    const announces: Record<string, string> =
      port.deviceOwner === gatewayOwner ? { 'nat-addresses': 'router' } : {};
    return {
      type: 'router',
      addresses: ['router'],
      port_security: [],
      options: { 'router-port': routerPortName(port.id), ...announces },
    };
  }
  if (port.deviceOwner === metadataOwner)
    return {
      type: 'localport',
      addresses: [[...own, ...metadataAddresses].join(' ')],
      port_security: [],
      options: {},
    };
  const options = chassisOptions(port);
  if (!port.portSecurity || isTrusted(port.deviceOwner))
    return { type: '', addresses: [own.join(' '), 'unknown'], port_security: [], options };
  const others = pairsByMac(port);
  // northd allows the link-local address anyway, but 23.03 drops neighbour advertisements from it
  // (it expects a hop limit of 225). So it is listed here.
  const mayClaim = [
    ...own,
    ...(port.fixedIps.some(({ subnet }) => subnet.version === 6) ? [linkLocal(port.mac)] : []),
  ];
  return {
    type: '',
    options,
    addresses: [own.join(' '), ...[...others.keys()].filter((mac) => mac !== port.mac)],
    port_security: [
      [...mayClaim, ...(others.get(port.mac) ?? [])].join(' '),
      ...[...others]
        .filter(([mac]) => mac !== port.mac)
        .map(([mac, ips]) => [mac, ...ips].join(' ')),
    ],
  };
}

/**
 * The options that name the chassis of the port. During a live migration it is bound to several
 * chassis: packets to it are delivered to all of them. The destination may send only after its
 * first RARP packet, by which QEMU announces that the guest has moved; from then on only the
 * destination is served.
 */
function chassisOptions({ host, furtherHosts }: PortFacts): Record<string, string> {
  if (host === '') return {};
  return furtherHosts.length === 0
    ? { 'requested-chassis': host }
    : {
        'requested-chassis': [host, ...furtherHosts].join(','),
        'activation-strategy': 'rarp',
      };
}

function pairsByMac({ allowedPairs }: PortFacts): Map<string, string[]> {
  const pairs = new Map<string, string[]>();
  for (const { mac, ip } of allowedPairs) pairs.set(mac, [...(pairs.get(mac) ?? []), ip]);
  return pairs;
}

/**
 * The keys of the port groups of a port. With port security, the drop group discards whatever the
 * port's own groups do not allow.
 */
function groupsOf(port: PortFacts): string[] {
  if (!port.portSecurity || isTrusted(port.deviceOwner)) return [];
  return [dropGroupKey, ...port.groupIds.map((id) => ownerName('security_group', id))];
}

/**
 * The external ids of the port. The Neutron Agents read them from the southbound database: which
 * guest asks for metadata, and on which network.
 */
function externalIds(port: PortFacts): Record<string, string> {
  return {
    'neutron:port_name': port.name,
    'neutron:network_name': switchName(port.network.id),
    'neutron:network_id': port.network.id,
    'neutron:project_id': port.projectId,
    'neutron:device_id': port.deviceId,
    'neutron:device_owner': port.deviceOwner,
    'neutron:cidrs': port.fixedIps
      .map(({ ip, subnet }) => `${ip}/${subnet.cidr.split('/')[1]}`)
      .join(' '),
  };
}
