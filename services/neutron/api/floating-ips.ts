// Floating IPs. https://docs.openstack.org/api-ref/network/v2/#floating-ips-floatingips
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import { floatingIpOwner } from '../domain/port-owner.ts';
import {
  eraseFloatingIp,
  floatingIpListing,
  floatingIpsTo,
  routersBetween,
} from '../store/floating-ips.ts';
import { addressesOf } from '../store/ipam.ts';
import { networkListing, subnetsOf } from '../store/networks.ts';
import { changeRow, findVisible, insertRow } from '../store/objects.ts';
import { portListing } from '../store/ports.ts';
import { chargeQuota } from '../store/quotas.ts';
import { markChanged } from '../store/sdn-journal.ts';
import { standardRow } from '../store/standard.ts';
import type { FloatingIpRow } from '../store/tables.ts';
import type { NeutronTrx } from '../store/write.ts';
import { ip, orNull, standardAttributes, text, uuid } from './attributes.ts';
import { networks } from './networks.ts';
import { ports } from './ports.ts';
import type { Context, Resource } from './resource.ts';
import { missing, plainChanges } from './resource.ts';
import { standardView } from './standard-view.ts';
import { makeSystemPort } from './system-port.ts';

interface FloatingIpInput {
  project_id: string;
  description: string;
  floating_network_id: string;
  floating_ip_address: string | null;
  subnet_id: string | null;
  port_id: string | null;
  fixed_ip_address: string | null;
  dns_name: string;
  dns_domain: string;
}

const { name: _name, ...unnamed } = standardAttributes;
const bad = (message: string) =>
  fault('badRequest', `Bad floatingip request: ${message}`, { type: 'BadRequest' });

export const floatingIps: Resource<'floating_ips', FloatingIpInput> = {
  singular: 'floatingip',
  collection: 'floatingips',
  attributes: {
    ...unnamed,
    floating_network_id: { post: true, required: true, parse: uuid },
    floating_ip_address: { post: true, guarded: true, parse: orNull(ip), default: null },
    subnet_id: { post: true, unfiltered: true, parse: orNull(uuid), default: null },
    port_id: { post: true, put: true, parse: orNull(uuid), default: null },
    fixed_ip_address: { post: true, put: true, parse: orNull(ip), default: null },
    router_id: {},
    status: {},
    dns_name: { post: true, parse: text(255), default: '' },
    dns_domain: { post: true, parse: text(255), default: '' },
  },
  listing: floatingIpListing,
  notFound: { type: 'FloatingIPNotFound', noun: 'Floating IP' },
  views: async (_db, rows) =>
    rows.map((row) => ({
      ...standardView(row),
      floating_network_id: row.floating_network_id,
      floating_ip_address: row.floating_ip_address,
      port_id: row.fixed_port_id,
      fixed_ip_address: row.fixed_ip_address,
      router_id: row.router_id,
      status: row.status,
      dns_name: row.dns_name,
      dns_domain: row.dns_domain,
    })),
  create: createFloatingIp,
  change: async (context, trx, row, input) => {
    if (
      input.fixed_ip_address != null &&
      input.port_id == null &&
      (row.fixed_port_id === null || input.port_id === null)
    )
      return bad('fixed_ip_address cannot be specified without a port_id');
    const portId = input.port_id === undefined ? row.fixed_port_id : input.port_id;
    const target =
      input.port_id === undefined && input.fixed_ip_address === undefined
        ? undefined
        : await targetOf(context, trx, row, portId, input.fixed_ip_address ?? null);
    if (isFault(target)) return target;
    await changeRow(
      trx,
      'floating_ips',
      row.id,
      { ...plainChanges({ ...input }, ['description']), ...target },
      context.nowMs,
    );
    return await markChanged(trx, [{ kind: 'floating_ip', id: row.id }]);
  },
  remove: async (_context, trx, row) => await eraseFloatingIp(trx, row),
};

async function createFloatingIp(
  context: Context,
  trx: NeutronTrx,
  input: FloatingIpInput,
): Promise<Outcome<string>> {
  const {
    parts: { config, ids },
    nowMs,
    scope,
  } = context;
  const network = await findVisible(trx, networkListing, input.floating_network_id, scope);
  if (!network) return missing(networks, input.floating_network_id);
  if (network.external !== 1) return bad(`Network ${network.id} is not a valid external network`);
  if (input.fixed_ip_address !== null && input.port_id === null)
    return bad('fixed_ip_address cannot be specified without a port_id');
  const over = await chargeQuota(trx, config.quotas, 'floatingip', input.project_id, 1);
  if (isFault(over)) return over;
  // Floating IPs are IPv4 only.
  const candidates = (await subnetsOf(trx, network.id)).filter(
    ({ ip_version }) => ip_version === 4,
  );
  if (candidates.length === 0) return bad(`Network ${network.id} does not contain any IPv4 subnet`);
  const id = ids.uuid();
  const candidate = await addressOf(
    context,
    trx,
    id,
    input,
    candidates.map((subnet) => subnet.id),
  );
  if (isFault(candidate)) return candidate;
  const { port, address } = candidate;
  const { name: _unnamed, ...standard } = standardRow(id, nowMs, { ...input, name: '' });
  const row: FloatingIpRow = {
    ...standard,
    floating_network_id: network.id,
    floating_ip_address: address,
    floating_port_id: port,
    fixed_port_id: null,
    fixed_ip_address: null,
    router_id: null,
    status: 'DOWN',
    dns_name: input.dns_name,
    dns_domain: input.dns_domain,
  };
  const target = await targetOf(context, trx, row, input.port_id, input.fixed_ip_address);
  if (isFault(target)) return target;
  await insertRow(trx, 'floating_ips', { ...row, ...target });
  await markChanged(trx, [{ kind: 'floating_ip', id }]);
  return id;
}

/**
 * Creates the port that holds the floating address: the requested address, else a free one of the
 * first subnet that has any. If no subnet has one, the fault of the last one tried.
 */
async function addressOf(
  context: Context,
  trx: NeutronTrx,
  id: string,
  input: FloatingIpInput,
  subnetIds: readonly string[],
): Promise<Outcome<{ port: string; address: string }>> {
  const requestedIps =
    input.floating_ip_address === null
      ? (input.subnet_id === null ? subnetIds : [input.subnet_id]).map((subnet_id) => ({
          subnet_id,
        }))
      : [
          {
            ip_address: input.floating_ip_address,
            ...(input.subnet_id === null ? {} : { subnet_id: input.subnet_id }),
          },
        ];
  let last: Outcome<{ port: string; address: string }> = fault(
    'conflict',
    `No more IP addresses available on network ${input.floating_network_id}.`,
    { type: 'IpAddressGenerationFailure' },
  );
  for (const requestedIp of requestedIps) {
    const candidate = await makeSystemPort(context, trx, {
      projectId: '',
      networkId: input.floating_network_id,
      owner: floatingIpOwner,
      deviceId: id,
      status: 'N/A',
      requestedIps: [requestedIp],
    });
    if (!isFault(candidate)) {
      const address = candidate.fixedIps.find(
        ({ ip_address }) => !ip_address.includes(':'),
      )?.ip_address;
      return address === undefined
        ? bad('A floating IP is an IPv4 address.')
        : { port: candidate.port.id, address };
    }
    last = candidate;
  }
  return last;
}

/**
 * The address of the port that a floating IP is associated with, and the router between that port's
 * subnet and the external network.
 */
async function targetOf(
  { scope }: Context,
  trx: NeutronTrx,
  row: FloatingIpRow,
  portId: string | null,
  wanted: string | null,
): Promise<
  Outcome<Pick<FloatingIpRow, 'fixed_port_id' | 'fixed_ip_address' | 'router_id' | 'status'>>
> {
  if (portId === null)
    return { fixed_port_id: null, fixed_ip_address: null, router_id: null, status: 'DOWN' };
  const port = await findVisible(trx, portListing, portId, scope);
  if (!port) return missing(ports, portId);
  const addresses = ((await addressesOf(trx, [port.id])).get(port.id) ?? []).filter(
    ({ ip_address }) => !ip_address.includes(':'),
  );
  const fixed =
    wanted === null ? addresses[0] : addresses.find(({ ip_address }) => ip_address === wanted);
  if (wanted !== null && !fixed) return bad(`Port ${port.id} does not have fixed ip ${wanted}.`);
  if (!fixed)
    return bad(`Cannot add floating IP to port ${port.id} that has no fixed IPv4 addresses.`);
  if (wanted === null && addresses.length > 1)
    return bad(
      `Port ${port.id} has multiple fixed IPv4 addresses. Must provide a specific IPv4 address when assigning a floating IP`,
    );
  const [router] = await routersBetween(trx, fixed.subnet_id, row.floating_network_id);
  if (!router) {
    return fault(
      'notFound',
      `External network ${row.floating_network_id} is not reachable from subnet ${fixed.subnet_id}. Therefore, cannot associate Port ${port.id} with a Floating IP.`,
      { type: 'ExternalGatewayForFloatingIPNotFound' },
    );
  }
  const twin = (await floatingIpsTo(trx, port.id)).find(
    (other) =>
      other.id !== row.id &&
      other.fixed_ip_address === fixed.ip_address &&
      other.floating_network_id === row.floating_network_id,
  );
  if (twin) {
    return fault(
      'conflict',
      `Cannot associate floating IP ${row.floating_ip_address} (${row.id}) with port ${port.id} using fixed IP ${fixed.ip_address}, as that fixed IP already has a floating IP on external network ${row.floating_network_id}.`,
      { type: 'FloatingIPPortAlreadyAssociated' },
    );
  }
  return {
    fixed_port_id: port.id,
    fixed_ip_address: fixed.ip_address,
    router_id: router.id,
    status: 'ACTIVE',
  };
}
