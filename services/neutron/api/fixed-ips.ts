// Which addresses a port gets: what its caller asks for, else one of each family, and always those of subnets on which ports
// address themselves. https://docs.openstack.org/api-ref/network/v2/#create-port (fixed_ips)
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import { canonicalIp, cidrHas, eui64, ipToNumber, ipVersion, isHostAddress, parseCidr } from '../domain/ip.ts';
import type { Cidr } from '../domain/ip.ts';
import type { FixedIp } from '../store/ipam.ts';
import { addressHolder, pickAddress } from '../store/ipam.ts';
import { isAutoAddressed } from '../store/subnets.ts';
import type { SubnetRow } from '../store/tables.ts';
import type { NeutronTrx } from '../store/write.ts';

export interface FixedIpWish {
  subnet_id?: string;
  ip_address?: string;
}

export interface AddressedPort {
  id: string;
  network_id: string;
  mac_address: string;
  device_owner: string;
}

const invalid = (message: string) => fault('badRequest', `Invalid input for operation: ${message}`, { type: 'InvalidInput' });
// Written by us: it parses.
export const cidrOfSubnet = (subnet: Pick<SubnetRow, 'cidr'>): Cidr => parseCidr(subnet.cidr) as Cidr;
const isRouterPort = ({ device_owner }: AddressedPort): boolean => device_owner.startsWith('network:router_');

/** The addresses of a new port, or of one whose `held` addresses are replaced by `wishes`. Nothing is written. `wishes` undefined: the usual. */
export async function chooseAddresses(trx: NeutronTrx, port: AddressedPort, subnets: readonly SubnetRow[], wishes: readonly FixedIpWish[] | undefined, held: readonly FixedIp[] = []): Promise<Outcome<FixedIp[]>> {
  if (wishes?.length === 0) return [];
  const chosen = wishes ? await wished(trx, port, subnets, wishes, held) : await usual(trx, port, subnets);
  if (isFault(chosen)) return chosen;
  if (isRouterPort(port)) return chosen;
  const implied = subnets.filter((subnet) => isAutoAddressed(subnet) && !chosen.some(({ subnet_id }) => subnet_id === subnet.id));
  return [...chosen, ...implied.map((subnet) => ({ subnet_id: subnet.id, ip_address: eui64(cidrOfSubnet(subnet), port.mac_address) }))];
}

/** One address of each family, of the first subnet that has one left. */
async function usual(trx: NeutronTrx, port: AddressedPort, subnets: readonly SubnetRow[]): Promise<Outcome<FixedIp[]>> {
  const chosen: FixedIp[] = [];
  for (const version of [4, 6]) {
    const candidates = subnets.filter((subnet) => subnet.ip_version === version && !isAutoAddressed(subnet));
    const picked = await pickOf(trx, candidates);
    if (picked) chosen.push(picked);
    else if (candidates.length > 0) return noneLeft(port.network_id);
  }
  return chosen;
}

async function pickOf(trx: NeutronTrx, candidates: readonly SubnetRow[]): Promise<FixedIp | undefined> {
  for (const subnet of candidates) {
    const ip = await pickAddress(trx, subnet);
    if (ip !== undefined) return { subnet_id: subnet.id, ip_address: ip };
  }
  return undefined;
}

export const noneLeft = (networkId: string) => fault('conflict', `No more IP addresses available on network ${networkId}.`, { type: 'IpAddressGenerationFailure' });

async function wished(trx: NeutronTrx, port: AddressedPort, subnets: readonly SubnetRow[], wishes: readonly FixedIpWish[], held: readonly FixedIp[]): Promise<Outcome<FixedIp[]>> {
  const chosen: FixedIp[] = [];
  const has = (ip: FixedIp): boolean => chosen.some(({ subnet_id, ip_address }) => subnet_id === ip.subnet_id && ip_address === ip.ip_address);
  // Those that name an address first, so that none of them is picked for another.
  for (const wish of wishes.filter(({ ip_address }) => ip_address !== undefined)) {
    const named = await namedAddress(trx, port, subnets, wish, held);
    if (isFault(named)) return named;
    if (has(named)) return invalid('Duplicate IP address.');
    chosen.push(named);
  }
  for (const { subnet_id } of wishes.filter(({ ip_address }) => ip_address === undefined)) {
    const subnet = subnets.find(({ id }) => id === subnet_id);
    if (!subnet) return foreignSubnet(port, subnet_id ?? '');
    const kept = held.find((ip) => ip.subnet_id === subnet.id && !has(ip));
    if (kept) chosen.push(kept);
    else if (isAutoAddressed(subnet) && !isRouterPort(port)) chosen.push({ subnet_id: subnet.id, ip_address: eui64(cidrOfSubnet(subnet), port.mac_address) });
    else {
      let picked = await pickAddress(trx, subnet);
      // Nothing is claimed yet: two picks of one request must differ.
      for (let tries = 0; picked !== undefined && has({ subnet_id: subnet.id, ip_address: picked }) && tries < wishes.length; tries += 1) picked = await pickAddress(trx, subnet);
      if (picked === undefined) return noneLeft(port.network_id);
      chosen.push({ subnet_id: subnet.id, ip_address: picked });
    }
  }
  return chosen;
}

const foreignSubnet = (port: AddressedPort, subnetId: string) => invalid(`Failed to create port on network ${port.network_id}, because fixed_ips included invalid subnet ${subnetId}.`);

async function namedAddress(trx: NeutronTrx, port: AddressedPort, subnets: readonly SubnetRow[], { subnet_id, ip_address = '' }: FixedIpWish, held: readonly FixedIp[]): Promise<Outcome<FixedIp>> {
  const ip = canonicalIp(ip_address);
  const address = ipToNumber(ip);
  const version = ipVersion(ip);
  const inside = (subnet: SubnetRow): boolean => subnet.ip_version === version && cidrHas(cidrOfSubnet(subnet), address);
  const subnet = subnet_id === undefined ? subnets.find(inside) : subnets.find(({ id }) => id === subnet_id);
  if (!subnet) return subnet_id === undefined ? fault('badRequest', `IP address ${ip} is not a valid IP for any of the subnets on the specified network.`, { type: 'InvalidIpForNetwork' }) : foreignSubnet(port, subnet_id);
  if (!inside(subnet) || !isHostAddress(cidrOfSubnet(subnet), address)) return fault('badRequest', `IP address ${ip} is not a valid IP for the specified subnet.`, { type: 'InvalidIpForSubnet' });
  if (isAutoAddressed(subnet) && !isRouterPort(port) && ip !== eui64(cidrOfSubnet(subnet), port.mac_address)) {
    return fault('badRequest', `IPv6 address ${ip} cannot be directly assigned to a port on subnet ${subnet.id} as the subnet is configured for automatic addresses`, { type: 'AllocationOnAutoAddressSubnet' });
  }
  const fixedIp = { subnet_id: subnet.id, ip_address: ip };
  if (held.some((have) => have.subnet_id === subnet.id && have.ip_address === ip)) return fixedIp;
  const holder = await addressHolder(trx, subnet, ip);
  return holder === undefined || holder === port.id ? fixedIp : fault('conflict', `IP address ${ip} already allocated in subnet ${subnet.id}`, { type: 'IpAddressAlreadyAllocated' });
}
