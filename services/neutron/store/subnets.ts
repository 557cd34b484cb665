// Subnets, and the ports whose addresses block a subnet's deletion.
import { sql } from 'kysely';
import {
  floatingIpOwner,
  interfaceOwner,
  metadataOwner,
  routerOwners,
} from '../domain/port-owner.ts';
import type { Listing } from './list.ts';
import { standardColumns } from './standard.ts';
import type { Ipv6Mode, SubnetRow } from './tables.ts';
import type { NeutronDb, NeutronTrx } from './write.ts';

export const subnetListing = {
  table: 'subnets',
  columns: {
    ...standardColumns,
    network_id: { column: 'network_id', kind: 'text' },
    ip_version: { column: 'ip_version', kind: 'int' },
    cidr: { column: 'cidr', kind: 'text' },
    gateway_ip: { column: 'gateway_ip', kind: 'text' },
    enable_dhcp: { column: 'enable_dhcp', kind: 'bool' },
    ipv6_ra_mode: { column: 'ipv6_ra_mode', kind: 'text' },
    ipv6_address_mode: { column: 'ipv6_address_mode', kind: 'text' },
    subnetpool_id: { column: 'subnetpool_id', kind: 'text' },
    dns_nameservers: { column: 'dns_nameservers_json', kind: 'json' },
    host_routes: { column: 'host_routes_json', kind: 'json' },
    allocation_pools: { column: 'allocation_pools_json', kind: 'json' },
  },
  special: {
    shared: (values) =>
      sql<boolean>`network_id in (select id from networks where shared in (${sql.join(values.map((value) => (/^(true|1)$/i.test(value) ? 1 : 0)))}))`,
    'router:external': (values) =>
      sql<boolean>`network_id in (select id from networks where external in (${sql.join(values.map((value) => (/^(true|1)$/i.test(value) ? 1 : 0)))}))`,
  },
  specialBooleans: ['shared', 'router:external'],
  // Subnets of an external network that is not shared are visible to its owner alone.
  alsoVisible: () => sql<boolean>`network_id in (select id from networks where shared = 1)`,
} as const satisfies Listing;

const autoModes: readonly (Ipv6Mode | null)[] = ['slaac', 'dhcpv6-stateless'];
/** Whether ports form their own addresses on it: SLAAC or stateless DHCPv6. */
export const isAutoAddressed = (
  subnet: Pick<SubnetRow, 'ip_version' | 'ipv6_address_mode'>,
): boolean => subnet.ip_version === 6 && autoModes.includes(subnet.ipv6_address_mode);

/**
 * Ports whose addresses forbid a subnet's deletion: all but the metadata port, and guests' ports
 * with self-formed (SLAAC) addresses.
 */
export async function portsHolding(db: NeutronDb, subnet: SubnetRow): Promise<string[]> {
  let query = db
    .selectFrom('ip_allocations')
    .innerJoin('ports', 'ports.id', 'ip_allocations.port_id')
    .select('ports.id')
    .where('ip_allocations.subnet_id', '=', subnet.id)
    .where('ports.device_owner', '!=', metadataOwner);
  if (isAutoAddressed(subnet))
    query = query.where('ports.device_owner', 'in', [...routerOwners, floatingIpOwner]);
  return (await query.limit(10).execute()).map(({ id }) => id);
}

/** Deletes the subnet and its address allocations; returns the ids of the ports that had one. */
export async function eraseSubnet(trx: NeutronTrx, id: string): Promise<string[]> {
  const allocations = await trx
    .selectFrom('ip_allocations')
    .select('port_id')
    .distinct()
    .where('subnet_id', '=', id)
    .execute();
  await trx.deleteFrom('ip_allocations').where('subnet_id', '=', id).execute();
  await trx.deleteFrom('subnets').where('id', '=', id).execute();
  return allocations.map(({ port_id }) => port_id);
}

/** The id of the router interface that has the subnet's gateway address; undefined: none has it. */
export async function gatewayPort(
  db: NeutronDb,
  { id, gateway_ip }: Pick<SubnetRow, 'id' | 'gateway_ip'>,
): Promise<string | undefined> {
  if (gateway_ip === null) return undefined;
  const gatewayAllocation = await db
    .selectFrom('ip_allocations')
    .innerJoin('ports', 'ports.id', 'ip_allocations.port_id')
    .select('ports.id')
    .where('ip_allocations.subnet_id', '=', id)
    .where('ip_allocations.ip', '=', gateway_ip)
    .where('ports.device_owner', '=', interfaceOwner)
    .executeTakeFirst();
  return gatewayAllocation?.id;
}
