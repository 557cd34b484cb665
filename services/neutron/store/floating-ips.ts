// Floating IPs, and their disassociation when the port or its address is lost.
import { sql } from 'kysely';
import { canonicalIp } from '../domain/ip.ts';
import { interfaceOwner } from '../domain/port-owner.ts';
import type { Listing } from './list.ts';
import { changeRow } from './objects.ts';
import { erasePort } from './ports.ts';
import { markChanged } from './sdn-journal.ts';
import { unnamedColumns } from './standard.ts';
import type { FloatingIpRow, RouterRow } from './tables.ts';
import type { NeutronDb, NeutronTrx } from './write.ts';

export const floatingIpListing = {
  table: 'floating_ips',
  columns: {
    ...unnamedColumns,
    floating_network_id: { column: 'floating_network_id', kind: 'text' },
    floating_ip_address: { column: 'floating_ip_address', kind: 'text' },
    port_id: { column: 'fixed_port_id', kind: 'text' },
    fixed_ip_address: { column: 'fixed_ip_address', kind: 'text' },
    router_id: { column: 'router_id', kind: 'text' },
    status: { column: 'status', kind: 'text' },
    dns_name: { column: 'dns_name', kind: 'text' },
    dns_domain: { column: 'dns_domain', kind: 'text' },
  },
  special: {
    floating_ip_address: (values) =>
      sql<boolean>`floating_ip_address in (${sql.join(values.map(canonicalIp))})`,
  },
} as const satisfies Listing;

/** Whether the network must stay external: a floating IP or a router's gateway is on it. */
export async function floatingIpsOn(db: NeutronDb, networkId: string): Promise<boolean> {
  const found =
    (await db
      .selectFrom('floating_ips')
      .select('id')
      .where('floating_network_id', '=', networkId)
      .limit(1)
      .executeTakeFirst()) ??
    (await db
      .selectFrom('routers')
      .select('id')
      .where('gateway_network_id', '=', networkId)
      .limit(1)
      .executeTakeFirst());
  return found !== undefined;
}

const free = {
  fixed_port_id: null,
  fixed_ip_address: null,
  router_id: null,
  status: 'DOWN',
} as const satisfies Partial<FloatingIpRow>;

async function release(
  trx: NeutronTrx,
  floatingIps: readonly FloatingIpRow[],
  nowMs: number,
): Promise<void> {
  for (const { id } of floatingIps) await changeRow(trx, 'floating_ips', id, free, nowMs);
  await markChanged(
    trx,
    floatingIps.map(({ id }) => ({ kind: 'floating_ip', id })),
  );
}

/** Disassociates the floating IPs of a port. */
export async function releaseFloatingIps(
  trx: NeutronTrx,
  portId: string,
  nowMs: number,
): Promise<void> {
  await release(trx, await floatingIpsTo(trx, portId), nowMs);
}

/** Disassociates floating IPs whose fixed address the port no longer has. */
export async function dropLostFloatingIps(
  trx: NeutronTrx,
  portId: string,
  nowMs: number,
): Promise<void> {
  const led = await floatingIpsTo(trx, portId);
  if (led.length === 0) return;
  const portAddresses = new Set(
    (
      await trx.selectFrom('ip_allocations').select('ip').where('port_id', '=', portId).execute()
    ).map(({ ip }) => ip),
  );
  await release(
    trx,
    led.filter(
      ({ fixed_ip_address }) => fixed_ip_address === null || !portAddresses.has(fixed_ip_address),
    ),
    nowMs,
  );
}

export async function floatingIpsTo(db: NeutronDb, portId: string): Promise<FloatingIpRow[]> {
  return await db
    .selectFrom('floating_ips')
    .selectAll()
    .where('fixed_port_id', '=', portId)
    .execute();
}

export async function floatingIpsOfRouter(
  db: NeutronDb,
  routerId: string,
): Promise<FloatingIpRow[]> {
  return await db
    .selectFrom('floating_ips')
    .selectAll()
    .where('router_id', '=', routerId)
    .execute();
}

/**
 * Routers with a gateway on the external network and an interface on the subnet; the router whose
 * interface has the subnet's gateway address comes first.
 */
export async function routersBetween(
  db: NeutronDb,
  subnetId: string,
  externalNetworkId: string,
): Promise<RouterRow[]> {
  return await db
    .selectFrom('routers')
    .selectAll('routers')
    .innerJoin('ports', 'ports.device_id', 'routers.id')
    .innerJoin('ip_allocations', 'ip_allocations.port_id', 'ports.id')
    .innerJoin('subnets', 'subnets.id', 'ip_allocations.subnet_id')
    .where('ports.device_owner', '=', interfaceOwner)
    .where('ip_allocations.subnet_id', '=', subnetId)
    .where('routers.gateway_network_id', '=', externalNetworkId)
    .orderBy(sql`case when ip_allocations.ip = subnets.gateway_ip then 0 else 1 end`)
    .orderBy('routers.id')
    .execute();
}

/** Floating IPs of a network that are not associated: they are deleted with the network. */
export async function idleFloatingIps(db: NeutronDb, networkId: string): Promise<FloatingIpRow[]> {
  return await db
    .selectFrom('floating_ips')
    .selectAll()
    .where('floating_network_id', '=', networkId)
    .where('fixed_port_id', 'is', null)
    .execute();
}

export async function eraseFloatingIp(
  trx: NeutronTrx,
  row: Pick<FloatingIpRow, 'id' | 'floating_port_id'>,
): Promise<void> {
  await trx.deleteFrom('floating_ips').where('id', '=', row.id).execute();
  await erasePort(trx, row.floating_port_id);
  await markChanged(trx, [{ kind: 'floating_ip', id: row.id }]);
}
