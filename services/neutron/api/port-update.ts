// PUT of a port: attributes that the body names change, all others stay. Called by ports.ts.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import { eui64 } from '../domain/ip.ts';
import { interfaceOwner } from '../domain/port-owner.ts';
import type { DhcpOption } from '../domain/port.ts';
import { bindingOf, mergeDhcpOptions } from '../domain/port.ts';
import { mayBind } from '../store/agents.ts';
import { dropLostFloatingIps } from '../store/floating-ips.ts';
import type { FixedIp } from '../store/ipam.ts';
import { addressesOf, claimAddresses, releaseAddresses } from '../store/ipam.ts';
import { subnetsOf } from '../store/networks.ts';
import { changeRow, findByIds } from '../store/objects.ts';
import { deleteBindings } from '../store/port-bindings.ts';
import { securityGroupsOf, setSecurityGroups } from '../store/ports.ts';
import { markChanged } from '../store/sdn-journal.ts';
import { isAutoAddressed } from '../store/subnets.ts';
import type { PortRow } from '../store/tables.ts';
import type { NeutronTrx } from '../store/write.ts';
import { chooseAddresses, cidrOfSubnet } from './fixed-ips.ts';
import type { PortInput } from './port-attributes.ts';
import { isSystemOwner, macFor, ownersOnly } from './port-rules.ts';
import { pairsJson, pairsNeedSecurity, securityRequired, unknownGroups } from './port-security.ts';
import type { Context } from './resource.ts';
import { plainChanges } from './resource.ts';

export async function changePort(
  context: Context,
  trx: NeutronTrx,
  row: PortRow,
  input: Partial<PortInput>,
): Promise<Outcome<void>> {
  const {
    parts: { ids },
    nowMs,
  } = context;
  const [network] = await findByIds(trx, 'networks', [row.network_id]);
  const refusal =
    network &&
    ownersOnly(
      context,
      network,
      { ...input, ...(input.device_owner === row.device_owner ? { device_owner: '' } : {}) },
      'update',
    );
  if (isFault(refusal)) return refusal;
  const bound = ownedByRouter(row, input);
  if (isFault(bound)) return bound;
  const host = input['binding:host_id'];
  const mac = await changedMac(trx, ids, row, input);
  if (isFault(mac)) return mac;
  const security = await changeSecurity(context, trx, row, input);
  if (isFault(security)) return security;
  const moved = await changeAddresses(context, trx, { ...row, mac_address: mac }, row, input);
  if (isFault(moved)) return moved;
  const changes: Partial<PortRow> = {
    ...plainChanges({ ...input }, [
      'name',
      'description',
      'admin_state_up',
      'device_id',
      'device_owner',
      'port_security_enabled',
      'dns_name',
    ]),
    mac_address: mac,
    ...(input['binding:vnic_type'] === undefined
      ? {}
      : { binding_vnic_type: input['binding:vnic_type'] }),
    ...(input['binding:profile'] === undefined
      ? {}
      : { binding_profile_json: JSON.stringify(input['binding:profile'] ?? {}) }),
    ...(input.allowed_address_pairs === undefined
      ? {}
      : { allowed_address_pairs_json: pairsJson(input.allowed_address_pairs, mac) }),
    ...(input.extra_dhcp_opts === undefined
      ? {}
      : {
          extra_dhcp_opts_json: JSON.stringify(
            mergeDhcpOptions(
              JSON.parse(row.extra_dhcp_opts_json) as DhcpOption[],
              input.extra_dhcp_opts,
            ),
          ),
        }),
    ...(host === undefined
      ? {}
      : {
          binding_host_id: host ?? '',
          binding_vif_type: bindingOf(host ?? '', await mayBind(trx, host ?? '', nowMs)),
        }),
    // After a change of host the port is DOWN until OVN reports that it is plugged in there.
    ...(host !== undefined && (host ?? '') !== row.binding_host_id
      ? { status: 'DOWN' as const }
      : {}),
  };
  await changeRow(trx, 'ports', row.id, changes, nowMs);
  // The inactive binding to the new host is now the active one. A port without a host keeps no
  // bindings.
  if (host !== undefined) await deleteBindings(trx, row.id, host || undefined);
  await dropLostFloatingIps(trx, row.id, nowMs);
  return await markChanged(trx, [{ kind: 'port', id: row.id }]);
}

/**
 * The port of a router or floating IP keeps its device, owner and addresses; only the router's own
 * API changes them. Upstream: extension l3-port-ip-change-not-allowed. A router's interface may
 * take another address of the same subnets (`changeAddresses`).
 */
function ownedByRouter(
  row: PortRow,
  { device_id: deviceId, device_owner: owner, fixed_ips: fixedIps }: Partial<PortInput>,
): Outcome<void> {
  const moves =
    (deviceId !== undefined && deviceId !== row.device_id) ||
    (owner !== undefined && owner !== row.device_owner) ||
    (fixedIps !== undefined && row.device_owner !== interfaceOwner);
  return isSystemOwner(row.device_owner) && moves
    ? fault(
        'badRequest',
        `Bad port request: Cannot change the device or the addresses of port ${row.id}: its device owner is ${row.device_owner}.`,
        { type: 'BadRequest' },
      )
    : undefined;
}

async function changedMac(
  trx: NeutronTrx,
  ids: Context['parts']['ids'],
  row: PortRow,
  input: Partial<PortInput>,
): Promise<Outcome<string>> {
  const wanted = input.mac_address;
  if (wanted === undefined || wanted === row.mac_address) return row.mac_address;
  if (row.binding_host_id !== '' && input['binding:host_id'] === undefined) {
    return fault(
      'conflict',
      `Unable to complete operation on port ${row.id}, port is already bound, port type: ${row.binding_vif_type}, old_mac ${row.mac_address}, new_mac ${wanted}.`,
      { type: 'PortBound' },
    );
  }
  return await macFor(trx, ids, row.network_id, wanted ?? undefined);
}

async function changeSecurity(
  context: Context,
  trx: NeutronTrx,
  row: PortRow,
  input: Partial<PortInput>,
): Promise<Outcome<void>> {
  const secured = input.port_security_enabled ?? row.port_security_enabled === 1;
  const groups = input.security_groups === undefined ? undefined : (input.security_groups ?? []);
  const unknown = groups && (await unknownGroups(context, trx, groups, row.project_id));
  if (isFault(unknown)) return unknown;
  if (
    !secured &&
    input.port_security_enabled === false &&
    groups === undefined &&
    ((await securityGroupsOf(trx, [row.id])).get(row.id) ?? []).length > 0
  ) {
    return fault(
      'conflict',
      'Port has security group associated. Cannot disable port security or IP address until security group is removed.',
      { type: 'PortSecurityPortHasSecurityGroup' },
    );
  }
  if (!secured && groups && groups.length > 0) return securityRequired();
  const pairs =
    input.allowed_address_pairs?.length ??
    (JSON.parse(row.allowed_address_pairs_json) as unknown[]).length;
  const refusal = pairsNeedSecurity(secured, pairs);
  if (isFault(refusal)) return refusal;
  if (groups) await setSecurityGroups(trx, row.id, groups);
}

/**
 * Claims new addresses and releases lost ones; unchanged ones are not touched. If the MAC changes,
 * addresses formed from it (SLAAC) change too.
 */
async function changeAddresses(
  { scope }: Context,
  trx: NeutronTrx,
  port: PortRow,
  before: PortRow,
  { fixed_ips: fixedIps }: Partial<PortInput>,
): Promise<Outcome<void>> {
  const requestedIps = fixedIps === null ? [] : fixedIps;
  if (requestedIps === undefined && port.mac_address === before.mac_address) return undefined;
  const subnets = await subnetsOf(trx, port.network_id);
  const current = (await addressesOf(trx, [port.id])).get(port.id) ?? [];
  const autoSubnets = new Set(subnets.filter(isAutoAddressed).map(({ id }) => id));
  const own = port.device_owner.startsWith('network:router_')
    ? current
    : current.filter(({ subnet_id }) => !autoSubnets.has(subnet_id));
  const named = (requestedIps ?? own).filter(
    ({ subnet_id, ip_address }) =>
      !current.some(
        (ip) =>
          !own.includes(ip) &&
          ip.ip_address === ip_address &&
          (subnet_id ?? ip.subnet_id) === ip.subnet_id,
      ),
  );
  const onlyImplied = named.length === 0 && (requestedIps === undefined || requestedIps.length > 0);
  const wanted = onlyImplied
    ? subnets
        .filter(
          ({ id }) => autoSubnets.has(id) && current.some(({ subnet_id }) => subnet_id === id),
        )
        .map((subnet) => ({
          subnet_id: subnet.id,
          ip_address: eui64(cidrOfSubnet(subnet), port.mac_address),
        }))
    : await chooseAddresses(trx, port, subnets, { requestedIps: named, current: own, scope });
  if (isFault(wanted)) return wanted;
  const subnetIds = (ips: readonly FixedIp[]): string =>
    [...new Set(ips.map(({ subnet_id }) => subnet_id))].sort().join();
  if (port.device_owner === interfaceOwner && subnetIds(wanted) !== subnetIds(current)) {
    return fault(
      'badRequest',
      `Bad port request: port ${port.id} is a router's interface in subnets ${subnetIds(current)}: add and remove subnets by the router.`,
      { type: 'BadRequest' },
    );
  }
  const same =
    (a: FixedIp) =>
    (b: FixedIp): boolean =>
      a.subnet_id === b.subnet_id && a.ip_address === b.ip_address;
  await releaseAddresses(
    trx,
    port.id,
    current.filter((ip) => !wanted.some(same(ip))),
  );
  await claimAddresses(
    trx,
    port,
    wanted.filter((ip) => !current.some(same(ip))),
  );
}
