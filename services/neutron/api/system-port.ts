// Ports that routers, floating IPs and the metadata service own: created and deleted together with
// their owner.
import type { Outcome } from '#contracts/common/fault.ts';
import { isFault } from '#contracts/common/fault.ts';
import { metadataOwner } from '../domain/port-owner.ts';
import { newMac } from '../domain/port.ts';
import type { FixedIp } from '../store/ipam.ts';
import { addressesOf, claimAddresses, pickAddress, releaseAddresses } from '../store/ipam.ts';
import { subnetsOf } from '../store/networks.ts';
import { changeRow } from '../store/objects.ts';
import { insertPort, metadataPort, unboundPort } from '../store/ports.ts';
import { markChanged } from '../store/sdn-journal.ts';
import { standardRow } from '../store/standard.ts';
import type { NetworkRow, PortRow, SubnetRow } from '../store/tables.ts';
import type { NeutronTrx } from '../store/write.ts';
import type { RequestedFixedIp } from './fixed-ips.ts';
import { chooseAddresses } from './fixed-ips.ts';
import type { Context } from './resource.ts';

export interface SystemPort {
  /** '' for ports that no project sees and no quota counts. */
  projectId: string;
  networkId: string;
  owner: string;
  deviceId: string;
  status: PortRow['status'];
  requestedIps?: readonly RequestedFixedIp[];
}

export async function makeSystemPort(
  { parts: { ids }, nowMs }: Pick<Context, 'parts' | 'nowMs'>,
  trx: NeutronTrx,
  wanted: SystemPort,
): Promise<Outcome<{ port: PortRow; fixedIps: FixedIp[] }>> {
  const port: PortRow = {
    ...standardRow(ids.uuid(), nowMs, { project_id: wanted.projectId, name: '', description: '' }),
    network_id: wanted.networkId,
    mac_address: newMac(ids),
    admin_state_up: 1,
    status: wanted.status,
    device_id: wanted.deviceId,
    device_owner: wanted.owner,
    port_security_enabled: 0,
    ...unboundPort,
  };
  const fixedIps = await chooseAddresses(trx, port, await subnetsOf(trx, wanted.networkId), {
    requestedIps: wanted.requestedIps,
    scope: null,
  });
  if (isFault(fixedIps)) return fixedIps;
  await insertPort(trx, port, []);
  await claimAddresses(trx, port, fixedIps);
  await markChanged(trx, [{ kind: 'port', id: port.id }]);
  return { port, fixedIps };
}

/**
 * Gives a network's metadata port one address in each IPv4 subnet with DHCP; guests reach
 * 169.254.169.254 by a route through it. As in stock Neutron with OVN.
 */
export async function alignMetadataPort(
  context: Pick<Context, 'parts' | 'nowMs'>,
  trx: NeutronTrx,
  network: Pick<NetworkRow, 'id' | 'external'>,
): Promise<void> {
  if (network.external === 1) return;
  const wanted = (await subnetsOf(trx, network.id)).filter(
    ({ ip_version, enable_dhcp }) => ip_version === 4 && enable_dhcp === 1,
  );
  const existing = await metadataPort(trx, network.id);
  if (!existing && wanted.length === 0) return;
  let port = existing;
  if (!port) {
    const created = await makeSystemPort(context, trx, {
      projectId: '',
      networkId: network.id,
      owner: metadataOwner,
      deviceId: `ovnmeta-${network.id}`,
      status: 'DOWN',
      requestedIps: [],
    });
    if (isFault(created))
      throw new Error(`a port without addresses is refused: ${created.message}`);
    port = created.port;
  }
  const current = (await addressesOf(trx, [port.id])).get(port.id) ?? [];
  const surplus = current.filter(({ subnet_id }) => !wanted.some(({ id }) => id === subnet_id));
  const missing = wanted.filter(({ id }) => !current.some(({ subnet_id }) => subnet_id === id));
  if (surplus.length === 0 && missing.length === 0) return;
  await releaseAddresses(trx, port.id, surplus);
  await claimAddresses(trx, port, await lastAddresses(trx, missing));
  await changeRow(trx, 'ports', port.id, {}, context.nowMs);
  await markChanged(trx, [{ kind: 'port', id: port.id }]);
}

/**
 * Addresses from the end of the pools, where users rarely ask for one. A full subnet gets none and
 * has no metadata.
 */
async function lastAddresses(trx: NeutronTrx, subnets: readonly SubnetRow[]): Promise<FixedIp[]> {
  const picked: FixedIp[] = [];
  for (const subnet of subnets) {
    const ip = await pickAddress(trx, subnet, true);
    if (ip !== undefined) picked.push({ subnet_id: subnet.id, ip_address: ip });
  }
  return picked;
}
