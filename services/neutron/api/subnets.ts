// Subnets. https://docs.openstack.org/api-ref/network/v2/#subnets
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { JsonObject } from '#contracts/common/json.ts';
import type { Cidr } from '../domain/ip.ts';
import { eui64, formatCidr, ipVersion } from '../domain/ip.ts';
import type { Pool } from '../domain/pools.ts';
import { checkPools, defaultGateway, defaultPools, poolsHave } from '../domain/pools.ts';
import { gatewayOwner } from '../domain/port-owner.ts';
import type { Route } from '../domain/subnet.ts';
import {
  checkDhcp,
  checkGateway,
  checkHostRoutes,
  checkModes,
  checkNameservers,
  checkOverlap,
} from '../domain/subnet.ts';
import { addressesOf, claimAddresses, pickAddress, poolsOf } from '../store/ipam.ts';
import { networkListing, subnetsOf } from '../store/networks.ts';
import { changeRow, findByIds, findVisible, insertRow } from '../store/objects.ts';
import { portsOfNetwork } from '../store/ports.ts';
import { chargeQuota } from '../store/quotas.ts';
import { markChanged } from '../store/sdn-journal.ts';
import { standardRow } from '../store/standard.ts';
import {
  eraseSubnet,
  gatewayPort,
  isAutoAddressed,
  portsHolding,
  subnetListing,
} from '../store/subnets.ts';
import type { Ipv6Mode, NetworkRow, SubnetRow } from '../store/tables.ts';
import type { NeutronTrx } from '../store/write.ts';
import { lockRow } from '../store/write.ts';
import {
  boolean,
  cidr as cidrText,
  dict,
  integer,
  ip,
  listOf,
  notAllowed,
  oneOf,
  orNull,
  standardAttributes,
  uuid,
} from './attributes.ts';
import type { Attributes, Parser } from './attributes.ts';
import { cidrOfSubnet } from './fixed-ips.ts';
import { networks } from './networks.ts';
import type { Context, Resource } from './resource.ts';
import { missing, plainChanges } from './resource.ts';
import { standardView } from './standard-view.ts';
import { cutSubnet } from './subnet-cidr.ts';
import { alignMetadataPort } from './system-port.ts';

export interface SubnetInput {
  project_id: string;
  network_id: string;
  name: string;
  description: string;
  ip_version: 4 | 6 | null;
  cidr: string | null;
  prefixlen: number | null;
  subnetpool_id: string | null;
  use_default_subnetpool: boolean;
  gateway_ip?: string | null;
  enable_dhcp: boolean;
  ipv6_ra_mode: Ipv6Mode | null;
  ipv6_address_mode: Ipv6Mode | null;
  allocation_pools: Pool[] | null;
  dns_nameservers: string[];
  host_routes: Route[];
}

const mode: Parser = orNull(oneOf('slaac', 'dhcpv6-stateful', 'dhcpv6-stateless'));
const maybeEmpty =
  (parse: Parser): Parser =>
  (value) =>
    parse(value ?? []);

const subnetAttributes: Attributes = {
  ...standardAttributes,
  network_id: { post: true, required: true, parse: uuid },
  ip_version: { post: true, parse: oneOf(4, 6), default: null },
  cidr: { post: true, parse: orNull(cidrText), default: null },
  prefixlen: { post: true, unfiltered: true, parse: orNull(integer(0, 128)), default: null },
  subnetpool_id: { post: true, parse: orNull(uuid), default: null },
  use_default_subnetpool: { post: true, unfiltered: true, parse: boolean, default: false },
  gateway_ip: { post: true, put: true, parse: orNull(ip) },
  enable_dhcp: { post: true, put: true, parse: boolean, default: true },
  ipv6_ra_mode: { post: true, parse: mode, default: null },
  ipv6_address_mode: { post: true, parse: mode, default: null },
  allocation_pools: {
    post: true,
    put: true,
    parse: orNull(listOf(dict({ start: ip, end: ip }, ['start', 'end']))),
    default: null,
  },
  dns_nameservers: {
    post: true,
    put: true,
    parse: maybeEmpty(listOf(ip, { unique: true })),
    default: [],
  },
  host_routes: {
    post: true,
    put: true,
    parse: maybeEmpty(
      listOf(dict({ destination: cidrText, nexthop: ip }, ['destination', 'nexthop']), {
        unique: true,
      }),
    ),
    default: [],
  },
  shared: {},
  'router:external': {},
};

export const subnets: Resource<'subnets', SubnetInput> = {
  singular: 'subnet',
  collection: 'subnets',
  attributes: subnetAttributes,
  listing: subnetListing,
  notFound: { type: 'SubnetNotFound', noun: 'Subnet' },
  views: async (_db, rows) => rows.map(subnetView),
  create: createSubnet,
  change: changeSubnet,
  remove: async (context, trx, row) => {
    await lockRow(trx, 'networks', row.network_id);
    if ((await portsHolding(trx, row)).length > 0) {
      return fault(
        'conflict',
        `Unable to complete operation on subnet ${row.id}: One or more ports have an IP allocation from this subnet.`,
        { type: 'SubnetInUse' },
      );
    }
    const portIds = await eraseSubnet(trx, row.id);
    for (const id of portIds) await changeRow(trx, 'ports', id, {}, context.nowMs);
    await changeRow(trx, 'networks', row.network_id, {}, context.nowMs);
    await markChanged(trx, [
      ...portIds.map((id) => ({ kind: 'port' as const, id })),
      { kind: 'subnet', id: row.id },
      { kind: 'network', id: row.network_id },
    ]);
  },
};

async function networkForSubnet(
  { scope }: Context,
  trx: NeutronTrx,
  networkId: string,
): Promise<Outcome<NetworkRow>> {
  await lockRow(trx, 'networks', networkId); // serialises creations of subnets on this network
  const network = await findVisible(trx, networkListing, networkId, scope);
  if (!network) return missing(networks, networkId);
  return scope === null || network.project_id === scope ? network : notAllowed('create_subnet');
}

interface Shape {
  cidr: Cidr;
  gateway: string | null;
  pools: Pool[];
}

/** Checks that prefix, gateway and pools fit each other and the network's other subnets. */
function shapeOf(cidr: Cidr, input: SubnetInput, others: readonly SubnetRow[]): Outcome<Shape> {
  const gateway = input.gateway_ip === undefined ? defaultGateway(cidr) : input.gateway_ip;
  const label = formatCidr(cidr);
  const refusal =
    checkModes(cidr, input.enable_dhcp, input.ipv6_ra_mode, input.ipv6_address_mode) ??
    checkDhcp(cidr, input.enable_dhcp) ??
    checkGateway(cidr, gateway) ??
    checkNameservers(input.dns_nameservers, label) ??
    checkHostRoutes(input.host_routes, cidr.version, label) ??
    checkOverlap(cidr, others, input.network_id);
  if (isFault(refusal)) return refusal;
  const pools =
    input.allocation_pools === null
      ? defaultPools(cidr, gateway)
      : checkPools(input.allocation_pools, cidr, gateway);
  return isFault(pools) ? pools : { cidr, gateway, pools };
}

async function createSubnet(
  context: Context,
  trx: NeutronTrx,
  input: SubnetInput,
): Promise<Outcome<string>> {
  const {
    parts: { config, ids },
    nowMs,
  } = context;
  const network = await networkForSubnet(context, trx, input.network_id);
  if (isFault(network)) return network;
  const cut = await cutSubnet(context, trx, input);
  if (isFault(cut)) return cut;
  const shape = shapeOf(cut.cidr, input, await subnetsOf(trx, network.id));
  if (isFault(shape)) return shape;
  const over = await chargeQuota(trx, config.quotas, 'subnet', input.project_id, 1);
  if (isFault(over)) return over;
  const row: SubnetRow = {
    ...standardRow(ids.uuid(), nowMs, input),
    network_id: network.id,
    ip_version: shape.cidr.version,
    cidr: formatCidr(shape.cidr),
    gateway_ip: shape.gateway,
    enable_dhcp: Number(input.enable_dhcp),
    ipv6_ra_mode: input.ipv6_ra_mode,
    ipv6_address_mode: input.ipv6_address_mode,
    allocation_pools_json: JSON.stringify(shape.pools),
    dns_nameservers_json: JSON.stringify(input.dns_nameservers),
    host_routes_json: JSON.stringify(input.host_routes),
    subnetpool_id: cut.subnetPoolId,
  };
  await insertRow(trx, 'subnets', row);
  await changeRow(trx, 'networks', network.id, {}, nowMs);
  await addressPorts(trx, row, nowMs);
  await alignMetadataPort(context, trx, network);
  if (network.external === 1) await addressGateways(trx, row, nowMs);
  await markChanged(trx, [
    { kind: 'subnet', id: row.id },
    { kind: 'network', id: network.id },
  ]);
  return row.id;
}

/**
 * Gives the existing guest ports of the network an address of the new subnet, if it has SLAAC or
 * stateless DHCPv6.
 */
async function addressPorts(trx: NeutronTrx, subnet: SubnetRow, nowMs: number): Promise<void> {
  if (!isAutoAddressed(subnet)) return;
  const guests = (await portsOfNetwork(trx, subnet.network_id)).filter(
    ({ device_owner }) => !device_owner.startsWith('network:'),
  );
  for (const port of guests) {
    await claimAddresses(trx, port, [
      { subnet_id: subnet.id, ip_address: eui64(cidrOfSubnet(subnet), port.mac_address) },
    ]);
    await changeRow(trx, 'ports', port.id, {}, nowMs);
  }
  await markChanged(
    trx,
    guests.map(({ id }) => ({ kind: 'port', id })),
  );
}

/**
 * Gateway ports of routers on this network get an address of the new subnet, unless they have one
 * of its IP family. neutron.db.db_base_plugin_v2, _update_router_gw_port
 */
async function addressGateways(trx: NeutronTrx, subnet: SubnetRow, nowMs: number): Promise<void> {
  if (isAutoAddressed(subnet)) return;
  const gateways = (await portsOfNetwork(trx, subnet.network_id)).filter(
    ({ device_owner }) => device_owner === gatewayOwner,
  );
  const addresses = await addressesOf(
    trx,
    gateways.map(({ id }) => id),
  );
  for (const port of gateways) {
    if (
      addresses.get(port.id)?.some(({ ip_address }) => ipVersion(ip_address) === subnet.ip_version)
    )
      continue;
    const ip = await pickAddress(trx, subnet);
    if (ip === undefined) return;
    await claimAddresses(trx, port, [{ subnet_id: subnet.id, ip_address: ip }]);
    await changeRow(trx, 'ports', port.id, {}, nowMs);
    await changeRow(trx, 'routers', port.device_id, {}, nowMs);
    await markChanged(trx, [
      { kind: 'port', id: port.id },
      { kind: 'router', id: port.device_id },
    ]);
  }
}

async function changeSubnet(
  context: Context,
  trx: NeutronTrx,
  row: SubnetRow,
  input: Partial<SubnetInput>,
): Promise<Outcome<void>> {
  const cidr = cidrOfSubnet(row);
  const gateway = input.gateway_ip === undefined ? row.gateway_ip : input.gateway_ip;
  const pools = input.allocation_pools ?? poolsOf(row);
  const refusal =
    checkModes(
      cidr,
      input.enable_dhcp ?? row.enable_dhcp === 1,
      row.ipv6_ra_mode,
      row.ipv6_address_mode,
    ) ??
    // As upstream, checked only when DHCP is switched on: a subnet created by an older release with
    // fewer checks can still be changed in other ways.
    checkDhcp(cidr, input.enable_dhcp === true && row.enable_dhcp === 0) ??
    checkGateway(cidr, gateway) ??
    checkNameservers(input.dns_nameservers ?? [], row.id) ??
    checkHostRoutes(input.host_routes ?? [], cidr.version, row.id) ??
    (gateway === row.gateway_ip ? undefined : await gatewayMoves(trx, row, gateway, pools));
  if (isFault(refusal)) return refusal;
  const checked = input.allocation_pools == null ? undefined : checkPools(pools, cidr, gateway);
  if (isFault(checked)) return checked;
  await changeRow(
    trx,
    'subnets',
    row.id,
    {
      ...plainChanges({ ...input }, ['name', 'description', 'enable_dhcp', 'gateway_ip']),
      ...(checked ? { allocation_pools_json: JSON.stringify(checked) } : {}),
      ...(input.dns_nameservers
        ? { dns_nameservers_json: JSON.stringify(input.dns_nameservers) }
        : {}),
      ...(input.host_routes ? { host_routes_json: JSON.stringify(input.host_routes) } : {}),
    },
    context.nowMs,
  );
  const [network] = await findByIds(trx, 'networks', [row.network_id]);
  if (network && input.enable_dhcp !== undefined) await alignMetadataPort(context, trx, network);
  return await markChanged(trx, [{ kind: 'subnet', id: row.id }]);
}

/**
 * Whether the gateway may become `gateway`. conflict: a router's port has the present gateway
 * address, or the new one is in an allocation pool.
 */
async function gatewayMoves(
  trx: NeutronTrx,
  row: SubnetRow,
  gateway: string | null,
  pools: readonly Pool[],
): Promise<Outcome<void>> {
  const holder = await gatewayPort(trx, row);
  if (holder !== undefined)
    return fault(
      'conflict',
      `Current gateway ip ${row.gateway_ip} already in use by port ${holder}. Unable to update.`,
      { type: 'GatewayIpInUse' },
    );
  if (gateway !== null && poolsHave(pools, gateway))
    return fault(
      'conflict',
      `Gateway ip ${gateway} conflicts with allocation pool ${pools.map(({ start, end }) => `${start}-${end}`).join(', ')}.`,
      { type: 'GatewayConflictWithAllocationPools' },
    );
  return undefined;
}

function subnetView(row: SubnetRow): JsonObject {
  const parsed = (json: string): JsonObject[] => JSON.parse(json) as JsonObject[]; // by Neutron
  return {
    ...standardView(row),
    name: row.name,
    network_id: row.network_id,
    ip_version: row.ip_version,
    cidr: row.cidr,
    gateway_ip: row.gateway_ip,
    enable_dhcp: row.enable_dhcp === 1,
    ipv6_ra_mode: row.ipv6_ra_mode,
    ipv6_address_mode: row.ipv6_address_mode,
    allocation_pools: parsed(row.allocation_pools_json),
    dns_nameservers: parsed(row.dns_nameservers_json),
    host_routes: parsed(row.host_routes_json),
    subnetpool_id: row.subnetpool_id,
  };
}
