// Routers, their interfaces and gateways.
import { sql } from 'kysely';
import { interfaceOwner } from '../domain/port-owner.ts';
import type { FixedIp } from './ipam.ts';
import { addressesOf } from './ipam.ts';
import type { Listing } from './list.ts';
import { standardColumns } from './standard.ts';
import type { PortRow, SubnetRow } from './tables.ts';
import type { NeutronDb } from './write.ts';

export const routerListing = {
  table: 'routers',
  columns: {
    ...standardColumns,
    admin_state_up: { column: 'admin_state_up', kind: 'bool' },
    routes: { column: 'routes_json', kind: 'json' },
    availability_zone_hints: { column: 'availability_zone_hints_json', kind: 'json' },
  },
  special: {
    status: (values) => (values.includes('ACTIVE') ? sql<boolean>`1 = 1` : sql<boolean>`1 = 0`),
    // `distributed` (and `ha`) are false for every router of this cloud.
    distributed: (values) =>
      values.some((value) => /^(false|0)$/i.test(value))
        ? sql<boolean>`1 = 1`
        : sql<boolean>`1 = 0`,
    ha: (values) =>
      values.some((value) => /^(false|0)$/i.test(value))
        ? sql<boolean>`1 = 1`
        : sql<boolean>`1 = 0`,
  },
  specialBooleans: ['distributed', 'ha'],
} as const satisfies Listing;

export interface Interface {
  port: PortRow;
  fixedIps: FixedIp[];
}

export async function interfacesOf(db: NeutronDb, routerId: string): Promise<Interface[]> {
  const ports = await db
    .selectFrom('ports')
    .selectAll()
    .where('device_id', '=', routerId)
    .where('device_owner', '=', interfaceOwner)
    .orderBy('created_at_ms')
    .orderBy('id')
    .execute();
  const addresses = await addressesOf(
    db,
    ports.map(({ id }) => id),
  );
  return ports.map((port) => ({ port, fixedIps: addresses.get(port.id) ?? [] }));
}

export async function subnetsByIds(db: NeutronDb, ids: readonly string[]): Promise<SubnetRow[]> {
  return ids.length === 0
    ? []
    : await db
        .selectFrom('subnets')
        .selectAll()
        .where('id', 'in', [...new Set(ids)])
        .execute();
}
