// Part of the audit: compares Nova's interfaces, Neutron's ports and the interfaces of guests.
// Pure; audit.ts gathers the data.
import type { NeutronAudit } from '#contracts/neutron/audit.ts';
import type { NovaAudit } from '#contracts/nova/audit.ts';
import type { Difference } from './audit-difference.ts';

export interface ObservedPorts {
  nova: NovaAudit;
  neutron: Pick<NeutronAudit, 'ports'>;
  /**
   * Port ids of each guest's interfaces, by server id; a guest whose host did not answer is
   * missing.
   */
  guests: ReadonlyMap<string, readonly string[]>;
}

/**
 * The differences. Servers with a task are skipped: their sagas may have changed one side only so
 * far.
 */
export function comparePorts({ nova, neutron, guests }: ObservedPorts): Difference[] {
  const servers = new Map(nova.servers.map((server) => [server.id, server]));
  const ports = new Map(neutron.ports.map((port) => [port.id, port]));
  const portsOfServers = new Map<string, string[]>();
  for (const { serverId, portId } of nova.interfaces)
    portsOfServers.set(serverId, [...(portsOfServers.get(serverId) ?? []), portId]);
  const atRest = (id: string): boolean => servers.get(id)?.taskState === null;

  const leaked = neutron.ports.flatMap(({ id, deviceOwner, deviceId, host }): Difference[] => {
    if (!deviceOwner.startsWith('compute:')) return [];
    const server = servers.get(deviceId);
    if (!server)
      return [
        {
          what: 'port without a server',
          detail: `port ${id} belongs to ${deviceId}, which is no server`,
        },
      ];
    if (!atRest(deviceId)) return [];
    if (!portsOfServers.get(deviceId)?.includes(id))
      return [
        {
          what: 'port without an interface',
          detail: `port ${id} names server ${deviceId}, which has no interface for it`,
        },
      ];
    return host === (server.host ?? '')
      ? []
      : [
          {
            what: 'port bound elsewhere',
            detail: `port ${id} is bound to ${host || 'no host'}, its server ${deviceId} is on ${server.host ?? 'none'}`,
          },
        ];
  });
  const dangling = [...portsOfServers]
    .filter(([id]) => atRest(id))
    .flatMap(([serverId, portIds]) =>
      portIds
        .filter((id) => ports.get(id)?.deviceId !== serverId)
        .map((id) => ({
          what: 'interface without a port',
          detail: `server ${serverId} has an interface for port ${id}, which ${ports.has(id) ? 'is not its own' : 'does not exist'}`,
        })),
    );
  const unplugged = [...guests]
    .filter(([id]) => atRest(id))
    .flatMap(([serverId, plugged]): Difference[] => {
      const wanted = portsOfServers.get(serverId) ?? [];
      return wanted.toSorted().join() === plugged.toSorted().join()
        ? []
        : [
            {
              what: 'interfaces differ',
              detail: `server ${serverId} has ports ${wanted.join(', ') || 'none'}, its guest ${plugged.join(', ') || 'none'}`,
            },
          ];
    });
  return [...leaked, ...dangling, ...unplugged];
}
