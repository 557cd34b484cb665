// Derives, from southbound bindings, the networks that have guests on a host. Pure. The external
// ids are those that Neutron writes in the northbound rows (services/neutron/ovn/port-rows.ts);
// northd copies them.
import type { LocalGuest, LocalNetwork } from '#ports/host-network.ts';

export interface BindingRow {
  readonly logical_port: string;
  readonly type: string;
  readonly chassis: string | null;
  /** MAC and IP addresses, e.g. `["fa:16:3e:00:00:01 10.0.0.5"]`. */
  readonly mac: readonly string[];
  readonly external_ids: Readonly<Record<string, string>>;
}

export function localNetworks(rows: Iterable<BindingRow>, chassisUuid: string): LocalNetwork[] {
  const [metadataPorts, guests] = [
    new Map<string, LocalNetwork['metadataPort']>(),
    new Map<string, LocalGuest[]>(),
  ];
  for (const row of rows) {
    const networkId = row.external_ids['neutron:network_id'];
    if (networkId === undefined) continue;
    const mac = macOf(row);
    const cidrs = (row.external_ids['neutron:cidrs'] ?? '').split(' ').filter(Boolean);
    if (row.type === 'localport') {
      if (cidrs.length > 0) metadataPorts.set(networkId, { id: row.logical_port, mac, cidrs });
    } else if (row.type === '' && row.chassis === chassisUuid) {
      const guest = {
        portId: row.logical_port,
        mac,
        ips: cidrs.map((cidr) => cidr.split('/')[0] ?? ''),
        instanceId: row.external_ids['neutron:device_id'] ?? '',
        projectId: row.external_ids['neutron:project_id'] ?? '',
      };
      guests.set(networkId, [...(guests.get(networkId) ?? []), guest]);
    }
  }
  return [...guests].flatMap(([id, found]) => {
    const metadataPort = metadataPorts.get(id);
    return metadataPort ? [{ id, metadataPort, guests: found }] : [];
  });
}

function macOf({ mac: [first = ''] }: BindingRow): string {
  return first.split(' ')[0] ?? '';
}
