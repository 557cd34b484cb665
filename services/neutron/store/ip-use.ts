// How many addresses of each subnet and network are in use.
import type { NetworkRow, SubnetRow } from './tables.ts';
import type { NeutronDb } from './write.ts';

export interface NetworkUse {
  network: NetworkRow;
  subnets: { subnet: SubnetRow; used: number }[];
}

/** The use of all networks, or of one. */
export async function networkUses(db: NeutronDb, networkId?: string): Promise<NetworkUse[]> {
  const networks = await db
    .selectFrom('networks')
    .selectAll()
    .$if(networkId !== undefined, (query) => query.where('id', '=', networkId ?? ''))
    .orderBy('id')
    .execute();
  const subnets = await db
    .selectFrom('subnets')
    .selectAll()
    .$if(networkId !== undefined, (query) => query.where('network_id', '=', networkId ?? ''))
    .orderBy('id')
    .execute();
  const counts = await db
    .selectFrom('ip_allocations')
    .select((eb) => ['subnet_id', eb.fn.countAll<number>().as('used')])
    .groupBy('subnet_id')
    .execute();
  const used = new Map(counts.map((row) => [row.subnet_id, Number(row.used)]));
  return networks.map((network) => ({
    network,
    subnets: subnets
      .filter(({ network_id }) => network_id === network.id)
      .map((subnet) => ({ subnet, used: used.get(subnet.id) ?? 0 })),
  }));
}
