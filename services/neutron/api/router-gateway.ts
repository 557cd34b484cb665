// A router's external gateway: a port on an external network, and whether source NAT is on. Called
// by routers.ts.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import { gatewayOwner } from '../domain/port-owner.ts';
import { badRouter, checkNoOverlap } from '../domain/router.ts';
import { floatingIpsOfRouter } from '../store/floating-ips.ts';
import { addressesOf, claimAddresses, releaseAddresses } from '../store/ipam.ts';
import { networkListing, subnetsOf } from '../store/networks.ts';
import { changeRow, findVisible, setColumns } from '../store/objects.ts';
import { erasePort, findPort } from '../store/ports.ts';
import { interfacesOf, subnetsByIds } from '../store/routers.ts';
import { markChanged } from '../store/sdn-journal.ts';
import type { RouterRow } from '../store/tables.ts';
import type { NeutronTrx } from '../store/write.ts';
import type { RequestedFixedIp } from './fixed-ips.ts';
import { chooseAddresses } from './fixed-ips.ts';
import { networks } from './networks.ts';
import type { Context } from './resource.ts';
import { missing } from './resource.ts';
import { makeSystemPort } from './system-port.ts';

export interface GatewayInfo {
  network_id?: string;
  enable_snat?: boolean;
  external_fixed_ips?: RequestedFixedIp[];
}

export async function clearGateway(trx: NeutronTrx, row: RouterRow): Promise<Outcome<void>> {
  if (row.gateway_network_id === null) return undefined;
  if ((await floatingIpsOfRouter(trx, row.id)).length > 0) {
    return fault(
      'conflict',
      `Gateway cannot be updated for router ${row.id}, since a gateway to external network ${row.gateway_network_id} is required by one or more floating IPs.`,
      { type: 'RouterExternalGatewayInUseByFloatingIp' },
    );
  }
  if (row.gateway_port_id !== null) await erasePort(trx, row.gateway_port_id);
  await setColumns(trx, 'routers', row.id, {
    gateway_port_id: null,
    gateway_network_id: null,
    enable_snat: 1,
  });
}

export async function setGateway(
  context: Context,
  trx: NeutronTrx,
  row: RouterRow,
  info: GatewayInfo & { network_id: string },
): Promise<Outcome<void>> {
  const network = await findVisible(trx, networkListing, info.network_id, context.scope);
  if (!network) return missing(networks, info.network_id);
  if (network.external !== 1) return badRouter(`Network ${network.id} is not an external network`);
  if (row.gateway_network_id === network.id)
    return await changeGatewayPort(context, trx, row, info);
  const cleared = await clearGateway(trx, row);
  if (isFault(cleared)) return cleared;
  const behind = await subnetsByIds(
    trx,
    (await interfacesOf(trx, row.id)).flatMap(({ fixedIps }) =>
      fixedIps.map(({ subnet_id }) => subnet_id),
    ),
  );
  for (const subnet of await subnetsOf(trx, network.id)) {
    const overlap = checkNoOverlap(subnet, behind);
    if (isFault(overlap)) return overlap;
  }
  const requestedIps = info.external_fixed_ips?.length === 0 ? undefined : info.external_fixed_ips;
  const gateway = await makeSystemPort(context, trx, {
    projectId: '',
    networkId: network.id,
    owner: gatewayOwner,
    deviceId: row.id,
    status: 'ACTIVE',
    ...(requestedIps ? { requestedIps } : {}),
  });
  if (isFault(gateway)) return gateway;
  // If the network has no subnet yet, the gateway port has no address; subnets.ts adds one with the
  // first subnet. neutron.db.l3_db, _create_router_gw_port
  await setColumns(trx, 'routers', row.id, {
    gateway_port_id: gateway.port.id,
    gateway_network_id: network.id,
    enable_snat: Number(info.enable_snat ?? true),
  });
}

/** The gateway stays on the same network, perhaps with other addresses. */
async function changeGatewayPort(
  context: Context,
  trx: NeutronTrx,
  row: RouterRow,
  info: GatewayInfo,
): Promise<Outcome<void>> {
  const port = row.gateway_port_id === null ? undefined : await findPort(trx, row.gateway_port_id);
  if (port && info.external_fixed_ips) {
    const current = (await addressesOf(trx, [port.id])).get(port.id) ?? [];
    const wanted = await chooseAddresses(trx, port, await subnetsOf(trx, port.network_id), {
      requestedIps: info.external_fixed_ips.length === 0 ? undefined : info.external_fixed_ips,
      current,
      scope: null,
    });
    if (isFault(wanted)) return wanted;
    const among = (ips: typeof current) => (ip: (typeof current)[number]) =>
      ips.some(
        ({ subnet_id, ip_address }) => subnet_id === ip.subnet_id && ip_address === ip.ip_address,
      );
    await releaseAddresses(
      trx,
      port.id,
      current.filter((ip) => !among(wanted)(ip)),
    );
    await claimAddresses(
      trx,
      port,
      wanted.filter((ip) => !among(current)(ip)),
    );
    await changeRow(trx, 'ports', port.id, {}, context.nowMs);
    await markChanged(trx, [{ kind: 'port', id: port.id }]);
  }
  await setColumns(trx, 'routers', row.id, {
    enable_snat: info.enable_snat === undefined ? row.enable_snat : Number(info.enable_snat),
  });
}
