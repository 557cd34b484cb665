// Ports. https://docs.openstack.org/api-ref/network/v2/#ports
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Json, JsonObject } from '#contracts/common/json.ts';
import { isTrusted } from '../domain/port-owner.ts';
import { bindingOf, mergeDhcpOptions } from '../domain/port.ts';
import { mayBind } from '../store/agents.ts';
import { releaseFloatingIps } from '../store/floating-ips.ts';
import type { FixedIp } from '../store/ipam.ts';
import { addressesOf, claimAddresses } from '../store/ipam.ts';
import { networkListing, subnetsOf } from '../store/networks.ts';
import { findVisible } from '../store/objects.ts';
import { erasePort, insertPort, portListing, securityGroupsOf } from '../store/ports.ts';
import { chargeQuota } from '../store/quotas.ts';
import { markChanged } from '../store/sdn-journal.ts';
import { defaultGroupOf } from '../store/security-groups.ts';
import { standardRow } from '../store/standard.ts';
import type { NetworkRow, PortRow } from '../store/tables.ts';
import type { NeutronTrx } from '../store/write.ts';
import { notAllowed } from './attributes.ts';
import { chooseAddresses } from './fixed-ips.ts';
import { networks } from './networks.ts';
import type { PortInput } from './port-attributes.ts';
import { portAttributes } from './port-attributes.ts';
import { isSystemOwner, macFor, ownersOnly } from './port-rules.ts';
import { pairsJson, pairsNeedSecurity, securityRequired, unknownGroups } from './port-security.ts';
import { changePort } from './port-update.ts';
import type { Context, Resource } from './resource.ts';
import { missing } from './resource.ts';
import { ensureDefaultGroups } from './security-groups.ts';
import { standardView } from './standard-view.ts';

const dnsDomain = 'openstacklocal.';

export const ports: Resource<'ports', PortInput> = {
  singular: 'port',
  collection: 'ports',
  attributes: portAttributes,
  listing: portListing,
  notFound: { type: 'PortNotFound', noun: 'Port' },
  views: async (db, rows) => {
    const ids = rows.map(({ id }) => id);
    const [addresses, groups] = [await addressesOf(db, ids), await securityGroupsOf(db, ids)];
    return rows.map((row) => portView(row, addresses.get(row.id) ?? [], groups.get(row.id) ?? []));
  },
  beforeCreate: ensureDefaultGroups,
  create: createPort,
  change: changePort,
  remove: async ({ nowMs }, trx, row) => {
    if (isSystemOwner(row.device_owner)) {
      return fault(
        'conflict',
        `Port ${row.id} cannot be deleted directly via the port API: has device owner ${row.device_owner}.`,
        { type: 'ServicePortInUse' },
      );
    }
    await releaseFloatingIps(trx, row.id, nowMs);
    await erasePort(trx, row.id);
  },
};

/** The network if the caller may create ports on it; forbidden if the caller may only see it. */
async function networkForPort(
  { scope }: Context,
  trx: NeutronTrx,
  { network_id }: PortInput,
): Promise<Outcome<NetworkRow>> {
  const network = await findVisible(trx, networkListing, network_id, scope);
  if (!network) return missing(networks, network_id);
  return scope === null || network.project_id === scope || network.shared === 1
    ? network
    : notAllowed('create_port');
}

async function createPort(
  context: Context,
  trx: NeutronTrx,
  input: PortInput,
): Promise<Outcome<string>> {
  const {
    parts: { config, ids },
    nowMs,
  } = context;
  const network = await networkForPort(context, trx, input);
  if (isFault(network)) return network;
  const refusal =
    ownersOnly(context, network, input, 'create') ??
    (await chargeQuota(trx, config.quotas, 'port', input.project_id, 1));
  if (isFault(refusal)) return refusal;
  const mac = await macFor(trx, ids, network.id, input.mac_address ?? undefined);
  if (isFault(mac)) return mac;
  const trusted = isTrusted(input.device_owner);
  const secured = input.port_security_enabled ?? (!trusted && network.port_security_enabled === 1);
  const groups = await groupsFor(context, trx, input, secured);
  if (isFault(groups)) return groups;
  const host = input['binding:host_id'] ?? '';
  const row: PortRow = {
    ...standardRow(ids.uuid(), nowMs, input),
    network_id: network.id,
    mac_address: mac,
    admin_state_up: Number(input.admin_state_up),
    status: 'DOWN',
    device_id: input.device_id,
    device_owner: input.device_owner,
    port_security_enabled: Number(secured),
    dns_name: input.dns_name,
    ip_allocation: 'immediate',
    binding_host_id: host,
    binding_vnic_type: input['binding:vnic_type'],
    binding_profile_json: JSON.stringify(input['binding:profile'] ?? {}),
    binding_vif_type: bindingOf(host, await mayBind(trx, host, nowMs)),
    allowed_address_pairs_json: pairsJson(input.allowed_address_pairs, mac),
    extra_dhcp_opts_json: JSON.stringify(mergeDhcpOptions([], input.extra_dhcp_opts)),
  };
  const pairs = pairsNeedSecurity(secured, input.allowed_address_pairs.length);
  if (isFault(pairs)) return pairs;
  const fixedIps = await chooseAddresses(trx, row, await subnetsOf(trx, network.id), {
    requestedIps: input.fixed_ips ?? undefined,
    scope: context.scope,
  });
  if (isFault(fixedIps)) return fixedIps;
  await insertPort(trx, row, groups);
  await claimAddresses(trx, row, fixedIps);
  await markChanged(trx, [{ kind: 'port', id: row.id }]);
  return row.id;
}

/** The requested groups, which the port's project must be able to see; else its default group. */
async function groupsFor(
  context: Context,
  trx: NeutronTrx,
  input: PortInput,
  secured: boolean,
): Promise<Outcome<string[]>> {
  const named = input.security_groups;
  if (named != null && named.length > 0) {
    if (!secured) return securityRequired();
    return (await unknownGroups(context, trx, named, input.project_id)) ?? named;
  }
  if (named != null || !secured || isTrusted(input.device_owner) || input.project_id === '')
    return [];
  const group = await defaultGroupOf(trx, input.project_id);
  return group === undefined ? [] : [group];
}

function portView(
  row: PortRow,
  fixedIps: readonly FixedIp[],
  groups: readonly string[],
): JsonObject {
  const parsed = <T extends Json>(text: string): T => JSON.parse(text) as T; // JSON from Neutron
  return {
    ...standardView(row),
    name: row.name,
    network_id: row.network_id,
    mac_address: row.mac_address,
    admin_state_up: row.admin_state_up === 1,
    status: row.status,
    device_id: row.device_id,
    device_owner: row.device_owner,
    fixed_ips: fixedIps.map(({ subnet_id, ip_address }) => ({ subnet_id, ip_address })),
    security_groups: [...groups],
    port_security_enabled: row.port_security_enabled === 1,
    allowed_address_pairs: parsed<JsonObject[]>(row.allowed_address_pairs_json),
    extra_dhcp_opts: parsed<JsonObject[]>(row.extra_dhcp_opts_json),
    dns_name: row.dns_name,
    dns_assignment: fixedIps.map(({ ip_address }) => dnsAssignment(row.dns_name, ip_address)),
    ip_allocation: row.ip_allocation,
    'binding:host_id': row.binding_host_id,
    'binding:vnic_type': row.binding_vnic_type,
    'binding:profile': parsed<JsonObject>(row.binding_profile_json),
    'binding:vif_type': row.binding_vif_type,
    'binding:vif_details': vifDetails(row.binding_vif_type),
  };
}

/** `binding:vif_details`: how the host plugs the port in. */
export const vifDetails = (vifType: PortRow['binding_vif_type']): JsonObject =>
  vifType === 'ovs'
    ? {
        port_filter: true,
        connectivity: 'l2',
        bridge_name: 'br-int',
        datapath_type: 'system',
        ovs_hybrid_plug: false,
        bound_drivers: { 0: 'ovn' },
      }
    : {};

function dnsAssignment(name: string, ip: string): JsonObject {
  const hostname = name !== '' ? name : `host-${ip.replaceAll(/[.:]/g, '-')}`;
  return { ip_address: ip, hostname, fqdn: `${hostname}.${dnsDomain}` };
}
