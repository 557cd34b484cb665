// Networks. https://docs.openstack.org/api-ref/network/v2/#networks
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import { minMtu, planSegment } from '../domain/segment.ts';
import type { SegmentPlan } from '../domain/segment.ts';
import { eraseFloatingIp, floatingIpsOn, idleFloatingIps } from '../store/floating-ips.ts';
import {
  clearDefault,
  eraseNetwork,
  freeSegment,
  insertNetwork,
  networkListing,
  othersUse,
  segmentHolder,
  subnetIdsOf,
} from '../store/networks.ts';
import type { Segment } from '../store/networks.ts';
import { changeRow } from '../store/objects.ts';
import { erasePort, networkIsUsed, portsOfNetwork } from '../store/ports.ts';
import { chargeQuota } from '../store/quotas.ts';
import { markChanged } from '../store/sdn-journal.ts';
import { standardRow } from '../store/standard.ts';
import type { NetworkRow } from '../store/tables.ts';
import type { NeutronTrx } from '../store/write.ts';
import type { Attributes, Parser } from './attributes.ts';
import { boolean, integer, listOf, orNull, show, standardAttributes, text } from './attributes.ts';
import type { Context, Resource } from './resource.ts';
import { plainChanges } from './resource.ts';
import { standardView } from './standard-view.ts';

export interface NetworkInput {
  project_id: string;
  name: string;
  description: string;
  admin_state_up: boolean;
  shared: boolean;
  'router:external': boolean;
  is_default: boolean;
  mtu: number | null;
  'provider:network_type': string | null;
  'provider:physical_network': string | null;
  'provider:segmentation_id': number | null;
  port_security_enabled: boolean;
  dns_domain: string;
  availability_zone_hints: string[];
}

const domainName: Parser = (value) =>
  typeof value === 'string' &&
  value.length <= 255 &&
  (value === '' || /^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+$/i.test(value))
    ? { value }
    : { reason: `${show(value)} is no domain name ending with a '.'.` };

export const networkAttributes: Attributes = {
  ...standardAttributes,
  admin_state_up: { post: true, put: true, parse: boolean, default: true },
  shared: { post: true, put: true, guarded: true, parse: boolean, default: false },
  'router:external': { post: true, put: true, guarded: true, parse: boolean, default: false },
  is_default: { post: true, put: true, guarded: true, parse: boolean, default: false },
  mtu: { post: true, put: true, parse: orNull(integer(0, 65_535)), default: null },
  'provider:network_type': {
    post: true,
    guarded: true,
    hidden: true,
    parse: orNull(text(32)),
    default: null,
  },
  'provider:physical_network': {
    post: true,
    guarded: true,
    hidden: true,
    parse: orNull(text(64)),
    default: null,
  },
  'provider:segmentation_id': {
    post: true,
    guarded: true,
    hidden: true,
    parse: orNull(integer(0)),
    default: null,
  },
  port_security_enabled: { post: true, put: true, parse: boolean, default: true },
  dns_domain: { post: true, put: true, parse: domainName, default: '' },
  availability_zone_hints: { post: true, parse: listOf(text(255)), default: [] },
  availability_zones: {},
  status: {},
  subnets: {},
};

export const networks: Resource<'networks', NetworkInput> = {
  singular: 'network',
  collection: 'networks',
  attributes: networkAttributes,
  listing: networkListing,
  notFound: { type: 'NetworkNotFound', noun: 'Network' },
  views: async (db, rows) => {
    const subnets = await subnetIdsOf(
      db,
      rows.map(({ id }) => id),
    );
    return rows.map((row) => ({
      ...standardView(row),
      name: row.name,
      admin_state_up: row.admin_state_up === 1,
      status: 'ACTIVE',
      shared: row.shared === 1,
      'router:external': row.external === 1,
      is_default: row.is_default === 1,
      mtu: row.mtu,
      'provider:network_type': row.network_type,
      'provider:physical_network': row.physical_network,
      'provider:segmentation_id': row.segmentation_id,
      port_security_enabled: row.port_security_enabled === 1,
      dns_domain: row.dns_domain,
      availability_zone_hints: JSON.parse(row.availability_zone_hints_json) as string[],
      availability_zones: [],
      subnets: subnets.get(row.id) ?? [],
    }));
  },
  create: createNetwork,
  change: async ({ parts: { config }, nowMs }, trx, row, input) => {
    if (input.shared === false && row.shared === 1 && (await othersUse(trx, row))) {
      return fault(
        'conflict',
        `Unable to reconfigure sharing settings for network ${row.id}. Multiple tenants are using it.`,
        { type: 'InvalidSharedSetting' },
      );
    }
    const external = input['router:external'];
    if (external === false && row.external === 1 && (await floatingIpsOn(trx, row.id)))
      return fault(
        'conflict',
        `External network ${row.id} cannot be updated to be made non-external, since it has existing gateway ports or floating IPs.`,
        { type: 'ExternalNetworkInUse' },
      );
    const mtu = input.mtu === undefined ? row.mtu : mtuOf(input.mtu, row.network_type, config);
    if (isFault(mtu)) return mtu;
    if (input.is_default === true) await clearDefault(trx);
    const changes = plainChanges({ ...input }, [
      'name',
      'description',
      'admin_state_up',
      'shared',
      'is_default',
      'port_security_enabled',
      'dns_domain',
    ]);
    await changeRow(
      trx,
      'networks',
      row.id,
      { ...changes, mtu, ...(external === undefined ? {} : { external: Number(external) }) },
      nowMs,
    );
    return await markChanged(trx, [{ kind: 'network', id: row.id }]);
  },
  remove: async (_context, trx, row) => {
    for (const idle of await idleFloatingIps(trx, row.id)) await eraseFloatingIp(trx, idle);
    if (await networkIsUsed(trx, row.id)) {
      return fault(
        'conflict',
        `Unable to complete operation on network ${row.id}. There are one or more ports still in use on the network.`,
        { type: 'NetworkInUse' },
      );
    }
    for (const port of await portsOfNetwork(trx, row.id)) await erasePort(trx, port.id);
    return await markChanged(trx, [
      ...(await eraseNetwork(trx, row.id)).map((id) => ({ kind: 'subnet' as const, id })),
      { kind: 'network', id: row.id },
    ]);
  },
};

async function createNetwork(
  { parts: { config, ids }, nowMs }: Context,
  trx: NeutronTrx,
  input: NetworkInput,
): Promise<Outcome<string>> {
  const plan = planSegment(
    {
      network_type: input['provider:network_type'],
      physical_network: input['provider:physical_network'],
      segmentation_id: input['provider:segmentation_id'],
    },
    config.physicalNetworks,
  );
  if (isFault(plan)) return plan;
  const mtu = mtuOf(input.mtu, plan.network_type, config);
  if (isFault(mtu)) return mtu;
  const unknownZone = input.availability_zone_hints.find((zone) => zone !== config.defaultZone);
  if (unknownZone !== undefined)
    return fault('notFound', `AvailabilityZone ${unknownZone} could not be found.`, {
      type: 'AvailabilityZoneNotFound',
    });
  const over = await chargeQuota(trx, config.quotas, 'network', input.project_id, 1);
  if (isFault(over)) return over;
  const segment = await takeSegment(trx, plan);
  if (isFault(segment)) return segment;
  if (input.is_default) await clearDefault(trx);
  const row: NetworkRow = {
    ...standardRow(ids.uuid(), nowMs, input),
    ...segment,
    mtu,
    admin_state_up: Number(input.admin_state_up),
    shared: Number(input.shared),
    external: Number(input['router:external']),
    is_default: Number(input.is_default),
    port_security_enabled: Number(input.port_security_enabled),
    dns_domain: input.dns_domain,
    availability_zone_hints_json: JSON.stringify(input.availability_zone_hints),
  };
  await insertNetwork(trx, row);
  await markChanged(trx, [{ kind: 'network', id: row.id }]);
  return row.id;
}

async function takeSegment(trx: NeutronTrx, plan: SegmentPlan): Promise<Outcome<Segment>> {
  const { network_type, physical_network, range } = plan;
  if (plan.segmentation_id === null && range !== null) {
    const free = await freeSegment(trx, network_type, physical_network ?? '', range.min, range.max);
    return free === undefined
      ? fault(
          'unavailable',
          'Unable to create the network. No tenant network is available for allocation.',
          { type: 'NoNetworkAvailable' },
        )
      : { network_type, physical_network, segmentation_id: free };
  }
  const segment: Segment = {
    network_type,
    physical_network,
    segmentation_id: plan.segmentation_id,
  };
  if ((await segmentHolder(trx, segment)) === undefined) return segment;
  switch (network_type) {
    case 'flat':
      return fault(
        'conflict',
        `Unable to create the flat network. Physical network ${physical_network} is in use.`,
        { type: 'FlatNetworkInUse' },
      );
    case 'vlan':
      return fault(
        'conflict',
        `Unable to create the network. The VLAN ${segment.segmentation_id} on physical network ${physical_network} is in use.`,
        { type: 'VlanIdInUse' },
      );
    case 'geneve':
      return fault(
        'conflict',
        `Unable to create the network. The tunnel ID ${segment.segmentation_id} is in use.`,
        { type: 'TunnelIdInUse' },
      );
  }
}

function mtuOf(
  wanted: number | null,
  type: NetworkRow['network_type'],
  { overlayMtu, physicalMtu }: Context['parts']['config'],
): Outcome<number> {
  const max = type === 'geneve' ? overlayMtu : physicalMtu;
  if (wanted === null || wanted === 0) return max;
  if (wanted > max)
    return fault(
      'badRequest',
      `Invalid input for operation: Requested MTU is too big, maximum is ${max}.`,
      { type: 'InvalidInput' },
    );
  return wanted < minMtu
    ? fault(
        'badRequest',
        `Invalid input for operation: Requested MTU is too small, minimum is ${minMtu}.`,
        { type: 'InvalidInput' },
      )
    : wanted;
}
