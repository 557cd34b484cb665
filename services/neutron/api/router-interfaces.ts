// Adds and removes a router's interfaces: by subnet (the new port takes the subnet's gateway
// address) or by an existing port. Called by router-actions.ts and auto-topology.ts.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import { cidrHas, ipToNumber, ipVersion, parseCidr } from '../domain/ip.ts';
import { interfaceOwner } from '../domain/port-owner.ts';
import { badRouter, checkNoOverlap } from '../domain/router.ts';
import type { Route } from '../domain/subnet.ts';
import { floatingIpsOfRouter } from '../store/floating-ips.ts';
import type { FixedIp } from '../store/ipam.ts';
import { addressHolder, addressesOf, claimAddresses, releaseAddresses } from '../store/ipam.ts';
import { subnetsOf } from '../store/networks.ts';
import { changeRow, findVisible } from '../store/objects.ts';
import { erasePort, portListing, setSecurityGroups } from '../store/ports.ts';
import { chargeQuota } from '../store/quotas.ts';
import type { Interface } from '../store/routers.ts';
import { interfacesOf, subnetsByIds } from '../store/routers.ts';
import { markChanged } from '../store/sdn-journal.ts';
import { subnetListing } from '../store/subnets.ts';
import type { RouterRow, SubnetRow } from '../store/tables.ts';
import type { NeutronTrx } from '../store/write.ts';
import { ports } from './ports.ts';
import type { Context } from './resource.ts';
import { missing } from './resource.ts';
import { subnets } from './subnets.ts';
import { makeSystemPort } from './system-port.ts';

export interface Plugged {
  portId: string;
  networkId: string;
  subnetIds: string[];
}

/** Refuses a subnet that overlaps one of the router's interfaces or of its external network. */
async function fits(trx: NeutronTrx, router: RouterRow, subnet: SubnetRow): Promise<Outcome<void>> {
  const inner = await subnetsByIds(
    trx,
    (await interfacesOf(trx, router.id)).flatMap(({ fixedIps }) =>
      fixedIps.map(({ subnet_id }) => subnet_id),
    ),
  );
  const outer =
    router.gateway_network_id === null ? [] : await subnetsOf(trx, router.gateway_network_id);
  return checkNoOverlap(subnet, [...inner, ...outer]);
}

export async function plugSubnet(
  context: Context,
  trx: NeutronTrx,
  router: RouterRow,
  subnetId: string,
): Promise<Outcome<Plugged>> {
  const subnet = await findVisible(trx, subnetListing, subnetId, context.scope);
  if (!subnet) return missing(subnets, subnetId);
  if (subnet.gateway_ip === null)
    return badRouter('Subnet for router interface must have a gateway IP');
  const unfit = await fits(trx, router, subnet);
  if (isFault(unfit)) return unfit;
  const plugged = { networkId: subnet.network_id, subnetIds: [subnet.id] };
  // A router has one port for all IPv6 subnets of a network: api-ref, "Add interface to router".
  const shared =
    subnet.ip_version === 6
      ? (await interfacesOf(trx, router.id)).find(
          ({ port, fixedIps }) =>
            port.network_id === subnet.network_id &&
            fixedIps.length > 0 &&
            fixedIps.every(({ ip_address }) => ip_address.includes(':')),
        )
      : undefined;
  if (shared) {
    if ((await addressHolder(trx, subnet, subnet.gateway_ip)) !== undefined)
      return fault(
        'conflict',
        `IP address ${subnet.gateway_ip} already allocated in subnet ${subnet.id}`,
        { type: 'IpAddressAlreadyAllocated' },
      );
    await claimAddresses(trx, shared.port, [
      { subnet_id: subnet.id, ip_address: subnet.gateway_ip },
    ]);
    await changeRow(trx, 'ports', shared.port.id, {}, context.nowMs);
    await markChanged(trx, [{ kind: 'port', id: shared.port.id }]);
    return { portId: shared.port.id, ...plugged };
  }
  const over = await chargeQuota(trx, context.parts.config.quotas, 'port', router.project_id, 1);
  if (isFault(over)) return over;
  const port = await makeSystemPort(context, trx, {
    projectId: router.project_id,
    networkId: subnet.network_id,
    owner: interfaceOwner,
    deviceId: router.id,
    status: 'ACTIVE',
    requestedIps: [{ subnet_id: subnet.id, ip_address: subnet.gateway_ip }],
  });
  return isFault(port) ? port : { portId: port.port.id, ...plugged };
}

export async function plugPort(
  context: Context,
  trx: NeutronTrx,
  router: RouterRow,
  portId: string,
): Promise<Outcome<Plugged>> {
  const port = await findVisible(trx, portListing, portId, context.scope);
  if (!port) return missing(ports, portId);
  if (port.device_id !== '') {
    return fault(
      'conflict',
      `Unable to complete operation on port ${port.id} for network ${port.network_id}. Port already has an attached device ${port.device_id}.`,
      { type: 'PortInUse' },
    );
  }
  const fixedIps = (await addressesOf(trx, [port.id])).get(port.id) ?? [];
  if (fixedIps.length === 0) return badRouter('Router port must have at least one fixed IP');
  if (fixedIps.filter(({ ip_address }) => !ip_address.includes(':')).length > 1)
    return badRouter('Cannot have multiple IPv4 subnets on router port');
  for (const subnet of await subnetsByIds(
    trx,
    fixedIps.map(({ subnet_id }) => subnet_id),
  )) {
    const unfit = await fits(trx, router, subnet);
    if (isFault(unfit)) return unfit;
  }
  await setSecurityGroups(trx, port.id, []);
  await changeRow(
    trx,
    'ports',
    port.id,
    {
      device_id: router.id,
      device_owner: interfaceOwner,
      port_security_enabled: 0,
      allowed_address_pairs_json: '[]',
      status: 'ACTIVE',
    },
    context.nowMs,
  );
  await markChanged(trx, [{ kind: 'port', id: port.id }]);
  return {
    portId: port.id,
    networkId: port.network_id,
    subnetIds: fixedIps.map(({ subnet_id }) => subnet_id),
  };
}

export async function unplug(
  context: Context,
  trx: NeutronTrx,
  router: RouterRow,
  subnetId: string | undefined,
  portId: string | undefined,
): Promise<Outcome<Plugged>> {
  const all = await interfacesOf(trx, router.id);
  const on = ({ fixedIps }: Interface): boolean =>
    fixedIps.some(({ subnet_id }) => subnet_id === subnetId);
  const routerInterface =
    portId === undefined ? all.find(on) : all.find(({ port }) => port.id === portId);
  if (
    !routerInterface &&
    portId === undefined &&
    !(await findVisible(trx, subnetListing, subnetId ?? '', context.scope))
  )
    return missing(subnets, subnetId ?? '');
  if (!routerInterface) {
    return portId === undefined
      ? fault('notFound', `Router ${router.id} has no interface on subnet ${subnetId}`, {
          type: 'RouterInterfaceNotFoundForSubnet',
        })
      : fault('notFound', `Router ${router.id} does not have an interface with id ${portId}`, {
          type: 'RouterInterfaceNotFound',
        });
  }
  if (subnetId !== undefined && !on(routerInterface))
    return fault(
      'conflict',
      `Subnet on port ${routerInterface.port.id} does not match the requested subnet ${subnetId}.`,
      { type: 'SubnetMismatchForPort' },
    );
  const removedIps =
    subnetId === undefined
      ? routerInterface.fixedIps
      : routerInterface.fixedIps.filter(({ subnet_id }) => subnet_id === subnetId);
  const needed = await stillNeeded(trx, router, removedIps);
  if (isFault(needed)) return needed;
  if (removedIps.length < routerInterface.fixedIps.length) {
    await releaseAddresses(trx, routerInterface.port.id, removedIps);
    await changeRow(trx, 'ports', routerInterface.port.id, {}, context.nowMs);
    await markChanged(trx, [{ kind: 'port', id: routerInterface.port.id }]);
  } else await erasePort(trx, routerInterface.port.id);
  return {
    portId: routerInterface.port.id,
    networkId: routerInterface.port.network_id,
    subnetIds: removedIps.map(({ subnet_id }) => subnet_id),
  };
}

/**
 * Checks that nothing needs the interface any more: conflict while a floating IP leads into one of
 * these subnets, or a route's next hop is in one.
 */
async function stillNeeded(
  trx: NeutronTrx,
  router: RouterRow,
  removedIps: readonly FixedIp[],
): Promise<Outcome<void>> {
  const otherSubnets = await subnetsByIds(
    trx,
    removedIps.map(({ subnet_id }) => subnet_id),
  );
  const inside = (ip: string): SubnetRow | undefined =>
    otherSubnets.find((subnet) => {
      const cidr = parseCidr(subnet.cidr);
      return cidr !== undefined && cidr.version === ipVersion(ip) && cidrHas(cidr, ipToNumber(ip));
    });
  for (const { fixed_ip_address: ip } of await floatingIpsOfRouter(trx, router.id)) {
    const subnet = ip === null ? undefined : inside(ip);
    if (subnet)
      return fault(
        'conflict',
        `Router interface for subnet ${subnet.id} on router ${router.id} cannot be deleted, as it is required by one or more floating IPs.`,
        { type: 'RouterInterfaceInUseByFloatingIP' },
      );
  }
  for (const { nexthop } of JSON.parse(router.routes_json) as Route[]) {
    // JSON that Neutron wrote
    const subnet = inside(nexthop);
    if (subnet)
      return fault(
        'conflict',
        `Router interface for subnet ${subnet.id} on router ${router.id} cannot be deleted, as it is required by one or more routes.`,
        { type: 'RouterInterfaceInUseByRoute' },
      );
  }
  return undefined;
}
