// The ports of a server as Nova recorded them, read from Neutron. A port's `device_id` is only what
// its owner wrote there: anybody may write the id of somebody else's server into a port of their
// own, so the record of interfaces (store/nics.ts) decides.
import type { Outcome } from '#contracts/common/fault.ts';
import { isFault } from '#contracts/common/fault.ts';
import type { Port } from '#contracts/neutron/wire.ts';
import type { Neutron } from '#openstack/clients/neutron.ts';
import type { NovaDeps } from '../deps.ts';
import { nicsOf } from '../store/nics.ts';

/** In the order of the guest's interfaces. `neutron`: in whose name it is asked. */
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
