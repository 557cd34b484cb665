// The Neutron ports of a server, for the API's handlers. Ports are selected by Nova's own record of
// interfaces (store/nics.ts), not by their `device_id`: any tenant can write another tenant's
// server id into the `device_id` of its own port.
import type { Outcome } from '#contracts/common/fault.ts';
import { isFault } from '#contracts/common/fault.ts';
import type { Port } from '#contracts/neutron/wire.ts';
import type { Neutron } from '#openstack/clients/neutron.ts';
import type { NovaDeps } from '../deps.ts';
import { nicsOf } from '../store/nics.ts';

/**
 * The ports in the order of the guest's interfaces. `neutron`: the client, with the caller's or
 * Nova's own token.
 */
export async function serverPorts(
  { database: { db } }: Pick<NovaDeps, 'database'>,
  neutron: Neutron,
  serverId: string,
): Promise<Outcome<Port[]>> {
  const ports = await neutron.list('ports', { device_id: serverId });
  if (isFault(ports)) return ports;
  const byId = new Map(ports.map((port) => [port.id, port]));
  return (await nicsOf(db, serverId)).flatMap(({ port_id: id }) => byId.get(id ?? '') ?? []);
}
