// Chooses the addresses of a port: those that the caller asked for, else one of each IP family; in
// addition one in each subnet where ports form their own addresses (SLAAC, stateless DHCPv6).
// https://docs.openstack.org/api-ref/network/v2/#create-port (fixed_ips)
import type { Fault, Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import {
  canonicalIp,
  cidrHas,
  eui64,
  ipToNumber,
  ipVersion,
  isHostAddress,
  parseCidr,
} from '../domain/ip.ts';
import type { Cidr } from '../domain/ip.ts';
import type { FixedIp } from '../store/ipam.ts';
import { addressHolder, pickAddress } from '../store/ipam.ts';
import type { Scope } from '../store/list.ts';
import { findVisible } from '../store/objects.ts';
import { isAutoAddressed, subnetListing } from '../store/subnets.ts';
import type { SubnetRow } from '../store/tables.ts';
import type { NeutronTrx } from '../store/write.ts';

export interface RequestedFixedIp {
  subnet_id?: string;
  ip_address?: string;
}

export interface AddressedPort {
  id: string;
  network_id: string;
  mac_address: string;
  device_owner: string;
}

const invalid = (message: string) =>
  fault('badRequest', `Invalid input for operation: ${message}`, { type: 'InvalidInput' });
// Does not fail: Neutron wrote the column in canonical form.
export const cidrOfSubnet = (subnet: Pick<SubnetRow, 'cidr'>): Cidr =>
  parseCidr(subnet.cidr) as Cidr;
const isRouterPort = ({ device_owner }: AddressedPort): boolean =>
  device_owner.startsWith('network:router_');

export interface AddressChoice {
  /** undefined: the caller named none, so that the port gets one address of each family. */
  requestedIps: readonly RequestedFixedIp[] | undefined;
  /** The port's present addresses, which `requestedIps` replace. */
  current?: readonly FixedIp[];
  /** The project whose subnets a request may name; null: all. */
  scope: Scope;
}

/**
 * Chooses addresses for a port on a network with these subnets. Writes nothing. notFound: a request
 * names a subnet that `scope` cannot see.
 */
export async function chooseAddresses(
  trx: NeutronTrx,
  port: AddressedPort,
  subnets: readonly SubnetRow[],
  choice: AddressChoice,
): Promise<Outcome<FixedIp[]>> {
  const { requestedIps } = choice;
  if (requestedIps?.length === 0) return [];
  const chosenIps = requestedIps
    ? await requestedAddresses(trx, port, subnets, { current: [], ...choice, requestedIps })
    : await usual(trx, port, subnets);
  if (isFault(chosenIps)) return chosenIps;
  if (isRouterPort(port)) return chosenIps;
  const implied = subnets.filter(
    (subnet) =>
      isAutoAddressed(subnet) && !chosenIps.some(({ subnet_id }) => subnet_id === subnet.id),
  );
  return [
    ...chosenIps,
    ...implied.map((subnet) => ({
      subnet_id: subnet.id,
      ip_address: eui64(cidrOfSubnet(subnet), port.mac_address),
    })),
  ];
}

/** One address of each family, from the first subnet with a free one. */
async function usual(
  trx: NeutronTrx,
  port: AddressedPort,
  subnets: readonly SubnetRow[],
): Promise<Outcome<FixedIp[]>> {
  const chosenIps: FixedIp[] = [];
  for (const version of [4, 6]) {
    const candidates = subnets.filter(
      (subnet) => subnet.ip_version === version && !isAutoAddressed(subnet),
    );
    const picked = await pickOf(trx, candidates);
    if (picked) chosenIps.push(picked);
    else if (candidates.length > 0) return noneLeft(port.network_id);
  }
  return chosenIps;
}

async function pickOf(
  trx: NeutronTrx,
  candidates: readonly SubnetRow[],
): Promise<FixedIp | undefined> {
  for (const subnet of candidates) {
    const ip = await pickAddress(trx, subnet);
    if (ip !== undefined) return { subnet_id: subnet.id, ip_address: ip };
  }
  return undefined;
}

export const noneLeft = (networkId: string) =>
  fault('conflict', `No more IP addresses available on network ${networkId}.`, {
    type: 'IpAddressGenerationFailure',
  });

type RequestedChoice = Required<AddressChoice> & { requestedIps: readonly RequestedFixedIp[] };

async function requestedAddresses(
  trx: NeutronTrx,
  port: AddressedPort,
  subnets: readonly SubnetRow[],
  choice: RequestedChoice,
): Promise<Outcome<FixedIp[]>> {
  const { requestedIps, current, scope } = choice;
  const chosenIps: FixedIp[] = [];
  const has = (ip: FixedIp): boolean =>
    chosenIps.some(
      ({ subnet_id, ip_address }) => subnet_id === ip.subnet_id && ip_address === ip.ip_address,
    );
  // Requests for an address come first, so that no other request picks that address.
  for (const requestedIp of requestedIps.filter(({ ip_address }) => ip_address !== undefined)) {
    const named = await namedAddress(trx, port, subnets, requestedIp, choice);
    if (isFault(named)) return named;
    if (has(named)) return invalid('Duplicate IP address.');
    chosenIps.push(named);
  }
  for (const { subnet_id } of requestedIps.filter(({ ip_address }) => ip_address === undefined)) {
    const subnet = subnets.find(({ id }) => id === subnet_id);
    if (!subnet) return await foreignSubnet(trx, port, subnet_id ?? '', scope);
    const existing = current.find((ip) => ip.subnet_id === subnet.id && !has(ip));
    if (existing) chosenIps.push(existing);
    else if (isAutoAddressed(subnet) && !isRouterPort(port))
      chosenIps.push({
        subnet_id: subnet.id,
        ip_address: eui64(cidrOfSubnet(subnet), port.mac_address),
      });
    else {
      let picked = await pickAddress(trx, subnet);
      // Nothing is claimed yet, so a second pick may return an address that this request has
      // chosen.
      for (
        let tries = 0;
        picked !== undefined &&
        has({ subnet_id: subnet.id, ip_address: picked }) &&
        tries < requestedIps.length;
        tries += 1
      )
        picked = await pickAddress(trx, subnet);
      if (picked === undefined) return noneLeft(port.network_id);
      chosenIps.push({ subnet_id: subnet.id, ip_address: picked });
    }
  }
  return chosenIps;
}

/**
 * The fault for a subnet that is not one of the port's network: notFound if the caller cannot see
 * it, else badRequest. neutron.db.ipam_backend_mixin, _get_subnet_for_fixed_ip
 */
async function foreignSubnet(
  trx: NeutronTrx,
  port: AddressedPort,
  subnetId: string,
  scope: Scope,
): Promise<Fault> {
  if (!(await findVisible(trx, subnetListing, subnetId, scope)))
    return fault('notFound', `Subnet ${subnetId} could not be found.`, { type: 'SubnetNotFound' });
  return invalid(
    `Failed to create port on network ${port.network_id}, because fixed_ips included invalid subnet ${subnetId}.`,
  );
}

async function namedAddress(
  trx: NeutronTrx,
  port: AddressedPort,
  subnets: readonly SubnetRow[],
  { subnet_id, ip_address = '' }: RequestedFixedIp,
  { current, scope }: RequestedChoice,
): Promise<Outcome<FixedIp>> {
  const ip = canonicalIp(ip_address);
  const address = ipToNumber(ip);
  const version = ipVersion(ip);
  const inside = (subnet: SubnetRow): boolean =>
    subnet.ip_version === version && cidrHas(cidrOfSubnet(subnet), address);
  const subnet =
    subnet_id === undefined ? subnets.find(inside) : subnets.find(({ id }) => id === subnet_id);
  if (!subnet)
    return subnet_id === undefined
      ? fault(
          'badRequest',
          `IP address ${ip} is not a valid IP for any of the subnets on the specified network.`,
          { type: 'InvalidIpForNetwork' },
        )
      : await foreignSubnet(trx, port, subnet_id, scope);
  if (!inside(subnet) || !isHostAddress(cidrOfSubnet(subnet), address))
    return fault('badRequest', `IP address ${ip} is not a valid IP for the specified subnet.`, {
      type: 'InvalidIpForSubnet',
    });
  if (
    isAutoAddressed(subnet) &&
    !isRouterPort(port) &&
    ip !== eui64(cidrOfSubnet(subnet), port.mac_address)
  ) {
    return fault(
      'badRequest',
      `IPv6 address ${ip} cannot be directly assigned to a port on subnet ${subnet.id} as the subnet is configured for automatic addresses`,
      { type: 'AllocationOnAutoAddressSubnet' },
    );
  }
  const fixedIp = { subnet_id: subnet.id, ip_address: ip };
  if (current.some((have) => have.subnet_id === subnet.id && have.ip_address === ip))
    return fixedIp;
  const holder = await addressHolder(trx, subnet, ip);
  return holder === undefined || holder === port.id
    ? fixedIp
    : fault('conflict', `IP address ${ip} already allocated in subnet ${subnet.id}`, {
        type: 'IpAddressAlreadyAllocated',
      });
}
