// A router as an OVN logical router: ports, routes, source NAT and the chassis of its gateway; also
// floating IPs. Pure.
import { createHash } from 'node:crypto';
import type { SdnRow } from '#ports/sdn.ts';
import type { ChassisFacts, FloatingIpFacts, RouterFacts, RouterLeg } from '../domain/sdn-facts.ts';
import { ownerName, routerName, routerPortName } from './names.ts';

/** Limit of gateway chassis per router port: ovn-nb(5). */
const maxGatewayHosts = 5;

export function routerRows(router: RouterFacts, chassis: readonly ChassisFacts[]): SdnRow[] {
  const key = ownerName('router', router.id);
  return [
    {
      table: 'Logical_Router',
      key,
      columns: {
        name: routerName(router.id),
        enabled: router.adminUp,
        external_ids: { 'neutron:router_name': router.name },
        // Scales routers on a large external network: they learn only the MAC addresses that they
        // ask for, and OVN makes no flows for each other's addresses: ovn-nb(5).
        options: { always_learn_from_arp_request: 'false', dynamic_neigh_routers: 'true' },
      },
    },
    ...router.interfaces
      .filter((leg) => leg.fixedIps.length > 0)
      .map((leg) => legRow(key, leg, 'inside')),
    ...gatewayRows(key, router, chassis),
    ...router.routes.map((route): SdnRow => ({
      table: 'Logical_Router_Static_Route',
      key: `${key}#route ${route.destination} ${route.nexthop}`,
      columns: { ip_prefix: route.destination, nexthop: route.nexthop },
      in: [{ place: 'Logical_Router.static_routes', key }],
    })),
  ];
}

export function floatingIpRows({ id, ip, mac, target }: FloatingIpFacts): SdnRow[] {
  if (!target) return [];
  // NAT is done on the guest's own host. If the port is unbound (e.g. an address that guests
  // share), the gateway's host does it.
  const distributed = target.host !== '';
  return [
    {
      table: 'NAT',
      key: ownerName('floating_ip', id),
      columns: {
        type: 'dnat_and_snat',
        external_ip: ip,
        logical_ip: target.ip,
        logical_port: distributed ? target.portId : null,
        external_mac: distributed ? mac : null,
        external_ids: { 'neutron:fip_id': id, 'neutron:fip_port_id': target.portId },
      },
      in: [{ place: 'Logical_Router.nat', key: ownerName('router', target.routerId) }],
    },
  ];
}

const legKey = (routerKey: string, leg: RouterLeg): string => `${routerKey}#${leg.id}`;

function legRow(routerKey: string, leg: RouterLeg, side: 'inside' | 'outside'): SdnRow {
  return {
    table: 'Logical_Router_Port',
    key: legKey(routerKey, leg),
    columns: {
      name: routerPortName(leg.id),
      mac: leg.mac,
      networks: leg.fixedIps.map(({ ip, subnet }) => `${ip}/${subnet.cidr.split('/')[1]}`),
      enabled: leg.adminUp,
      ipv6_ra_configs: side === 'inside' ? raConfigs(leg) : {},
      external_ids: { 'neutron:network_name': leg.network.name },
    },
    in: [{ place: 'Logical_Router.ports', key: routerKey }],
  };
}

/**
 * Router advertisements of an interface: of its IPv6 subnets, the first with an ipv6_ra_mode
 * decides.
 */
function raConfigs({ fixedIps, network }: RouterLeg): Record<string, string> {
  const subnet = fixedIps.find(
    (each) => each.subnet.version === 6 && each.subnet.raMode !== null,
  )?.subnet;
  if (!subnet?.raMode) return {};
  const [dns] = subnet.dnsServers;
  return {
    address_mode: subnet.raMode.replace('-', '_'),
    send_periodic: 'true',
    mtu: String(network.mtu),
    ...(dns === undefined ? {} : { rdnss: dns }),
  };
}

function gatewayRows(key: string, router: RouterFacts, chassis: readonly ChassisFacts[]): SdnRow[] {
  const { gateway } = router;
  if (!gateway || gateway.fixedIps.length === 0) return [];
  const outside = gateway.fixedIps.find(({ subnet }) => subnet.version === 4)?.ip;
  const inside = new Map(
    router.interfaces.flatMap((leg) => leg.fixedIps).map(({ subnet }) => [subnet.id, subnet]),
  );
  return [
    legRow(key, gateway, 'outside'),
    ...carriers(router, gateway, chassis).map((name, at): SdnRow => ({
      table: 'Gateway_Chassis',
      key: `${key}#gateway ${name}`,
      columns: {
        name: `${routerPortName(gateway.id)}_${name}`,
        chassis_name: name,
        priority: maxGatewayHosts - at,
      },
      in: [{ place: 'Logical_Router_Port.gateway_chassis', key: legKey(key, gateway) }],
    })),
    ...gateway.fixedIps
      .filter(({ subnet }) => subnet.gatewayIp !== null)
      .map(({ subnet }): SdnRow => ({
        table: 'Logical_Router_Static_Route',
        key: `${key}#default ${subnet.id}`,
        columns: {
          ip_prefix: subnet.version === 4 ? '0.0.0.0/0' : '::/0',
          nexthop: subnet.gatewayIp ?? '',
          output_port: routerPortName(gateway.id),
        }, // null ones were filtered out
        in: [{ place: 'Logical_Router.static_routes', key }],
      })),
    ...(router.snat && outside !== undefined
      ? [...inside.values()].filter(({ version }) => version === 4)
      : []
    ).map((subnet): SdnRow => ({
      table: 'NAT',
      key: `${key}#snat ${subnet.id}`,
      columns: { type: 'snat', external_ip: outside ?? '', logical_ip: subnet.cidr },
      in: [{ place: 'Logical_Router.nat', key }],
    })),
  ];
}

/**
 * The chassis of a router's gateway by priority: live ones that reach the physical network, in an
 * order hashed from the router's id. So routers spread over hosts, and stay put when another host
 * is added or lost. Dead ones are left out, since with two hosts OVN does not fail over by itself.
 * If all look dead they stay: the fault may be in the check.
 */
export function carriers(
  router: { id: string },
  gateway: RouterLeg,
  chassis: readonly ChassisFacts[],
): string[] {
  const { physical } = gateway.network;
  const able = chassis.filter(
    ({ physicalNetworks }) => physical === null || physicalNetworks.includes(physical.network),
  );
  const alive = able.filter((each) => each.alive);
  const rank = (name: string): string =>
    createHash('sha1').update(`${router.id} ${name}`).digest('hex');
  return (alive.length > 0 ? alive : able)
    .map(({ name }) => name)
    .toSorted((one, other) => rank(one).localeCompare(rank(other)))
    .slice(0, maxGatewayHosts);
}
