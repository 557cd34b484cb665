// A network as an OVN logical switch, with a localnet port if it is on a physical network. Pure.
import type { SdnRow } from '#ports/sdn.ts';
import type { NetworkFacts } from '../domain/sdn-facts.ts';
import { ownerName, switchName } from './names.ts';

export function networkRows({ id, name, mtu, physical }: NetworkFacts): SdnRow[] {
  const key = ownerName('network', id);
  const rows: SdnRow[] = [
    {
      table: 'Logical_Switch',
      key,
      columns: {
        name: switchName(id),
        other_config: { mcast_snoop: 'false', 'vlan-passthru': 'false' },
        external_ids: { 'neutron:network_name': name, 'neutron:mtu': String(mtu) },
      },
    },
  ];
  if (physical) {
    rows.push({
      table: 'Logical_Switch_Port',
      key: `${key}#localnet`,
      columns: {
        name: `provnet-${id}`,
        type: 'localnet',
        addresses: ['unknown'],
        tag: physical.vlan,
        options: { network_name: physical.network },
      },
      in: [{ place: 'Logical_Switch.ports', key }],
    });
  }
  return rows;
}
