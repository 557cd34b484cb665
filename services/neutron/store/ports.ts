// Ports: their rows, their security groups, and which of them block other deletions. Addresses:
// ipam.ts.
import { sql } from 'kysely';
import { canonicalIp } from '../domain/ip.ts';
import { metadataOwner } from '../domain/port-owner.ts';
import type { Listing } from './list.ts';
import { markChanged } from './sdn-journal.ts';
import { standardColumns } from './standard.ts';
import type { PortRow } from './tables.ts';
import type { NeutronDb, NeutronTrx } from './write.ts';
import { holdRows } from './write.ts';

/** The columns of a port with default values and without a host. */
export const unboundPort = {
  dns_name: '',
  ip_allocation: 'immediate',
  binding_host_id: '',
  binding_vnic_type: 'normal',
  binding_profile_json: '{}',
  binding_vif_type: 'unbound',
  allowed_address_pairs_json: '[]',
  extra_dhcp_opts_json: '[]',
} as const satisfies Partial<PortRow>;

export const portListing = {
  table: 'ports',
  columns: {
    ...standardColumns,
    network_id: { column: 'network_id', kind: 'text' },
    mac_address: { column: 'mac_address', kind: 'text' },
    admin_state_up: { column: 'admin_state_up', kind: 'bool' },
    status: { column: 'status', kind: 'text' },
    device_id: { column: 'device_id', kind: 'text' },
    device_owner: { column: 'device_owner', kind: 'text' },
    port_security_enabled: { column: 'port_security_enabled', kind: 'bool' },
    dns_name: { column: 'dns_name', kind: 'text' },
    ip_allocation: { column: 'ip_allocation', kind: 'text' },
    'binding:host_id': { column: 'binding_host_id', kind: 'text' },
    'binding:vnic_type': { column: 'binding_vnic_type', kind: 'text' },
    'binding:vif_type': { column: 'binding_vif_type', kind: 'text' },
    'binding:profile': { column: 'binding_profile_json', kind: 'json' },
    allowed_address_pairs: { column: 'allowed_address_pairs_json', kind: 'json' },
    extra_dhcp_opts: { column: 'extra_dhcp_opts_json', kind: 'json' },
  },
  special: {
    mac_address: (values) =>
      sql<boolean>`mac_address in (${sql.join(values.map((value) => value.toLowerCase()))})`,
    security_groups: (values) =>
      sql<boolean>`id in (select port_id from port_security_groups where security_group_id in (${sql.join(values)}))`,
    // `ip_address=…`, `subnet_id=…`, `ip_address_substr=…`: values of one kind are joined by OR,
    // the kinds by AND.
    fixed_ips: (values) => {
      const parts = values.map(
        (value) =>
          [value.slice(0, value.indexOf('=')), value.slice(value.indexOf('=') + 1)] as const,
      );
      const of = (key: string): string[] =>
        parts.filter(([name]) => name === key).map(([, value]) => value);
      const [ips, subnets, pieces] = [of('ip_address'), of('subnet_id'), of('ip_address_substr')];
      const cases = [
        ...(ips.length > 0 ? [sql`ip in (${sql.join(ips.map(canonicalIp))})`] : []),
        ...(subnets.length > 0 ? [sql`subnet_id in (${sql.join(subnets)})`] : []),
        ...(pieces.length > 0
          ? [
              sql`(${sql.join(
                pieces.map((piece) => sql`instr(ip, ${piece}) > 0`),
                sql` or `,
              )})`,
            ]
          : []),
      ];
      return cases.length === 0
        ? sql<boolean>`1 = 0`
        : sql<boolean>`id in (select port_id from ip_allocations where ${sql.join(cases, sql` and `)})`;
    },
  },
} as const satisfies Listing;

/** Inserts the port and its security groups; the caller claims its addresses. */
export async function insertPort(
  trx: NeutronTrx,
  row: PortRow,
  securityGroupIds: readonly string[],
): Promise<void> {
  await holdRows(trx, 'networks', [row.network_id]);
  await trx.insertInto('ports').values(row).execute();
  if (securityGroupIds.length > 0)
    await trx
      .insertInto('port_security_groups')
      .values(securityGroupIds.map((security_group_id) => ({ port_id: row.id, security_group_id })))
      .execute();
}

export async function setSecurityGroups(
  trx: NeutronTrx,
  portId: string,
  securityGroupIds: readonly string[],
): Promise<void> {
  await trx.deleteFrom('port_security_groups').where('port_id', '=', portId).execute();
  if (securityGroupIds.length > 0)
    await trx
      .insertInto('port_security_groups')
      .values(securityGroupIds.map((security_group_id) => ({ port_id: portId, security_group_id })))
      .execute();
}

export async function securityGroupsOf(
  db: NeutronDb,
  portIds: readonly string[],
): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>();
  if (portIds.length === 0) return found;
  for (const { port_id, security_group_id } of await db
    .selectFrom('port_security_groups')
    .selectAll()
    .where('port_id', 'in', portIds)
    .orderBy('port_id')
    .orderBy('security_group_id')
    .execute()) {
    const groupIds = found.get(port_id);
    if (groupIds) groupIds.push(security_group_id);
    else found.set(port_id, [security_group_id]);
  }
  return found;
}

/** Deletes the port with its addresses, security groups and bindings. Idempotent. */
export async function erasePort(trx: NeutronTrx, portId: string): Promise<void> {
  await trx.deleteFrom('ip_allocations').where('port_id', '=', portId).execute();
  await trx.deleteFrom('port_security_groups').where('port_id', '=', portId).execute();
  await trx.deleteFrom('port_bindings').where('port_id', '=', portId).execute();
  await trx.deleteFrom('ports').where('id', '=', portId).execute();
  await markChanged(trx, [{ kind: 'port', id: portId }]);
}

export async function findPort(db: NeutronDb, id: string): Promise<PortRow | undefined> {
  return await db.selectFrom('ports').selectAll().where('id', '=', id).executeTakeFirst();
}

export async function portsOfNetwork(db: NeutronDb, networkId: string): Promise<PortRow[]> {
  return await db.selectFrom('ports').selectAll().where('network_id', '=', networkId).execute();
}

export async function metadataPort(db: NeutronDb, networkId: string): Promise<PortRow | undefined> {
  return await db
    .selectFrom('ports')
    .selectAll()
    .where('network_id', '=', networkId)
    .where('device_owner', '=', metadataOwner)
    .executeTakeFirst();
}

/** Whether the network has ports that forbid its deletion. */
export async function networkIsUsed(db: NeutronDb, networkId: string): Promise<boolean> {
  return (
    (await db
      .selectFrom('ports')
      .select('id')
      .where('network_id', '=', networkId)
      .where('device_owner', '!=', metadataOwner)
      .limit(1)
      .executeTakeFirst()) !== undefined
  );
}

export async function macHolder(
  db: NeutronDb,
  networkId: string,
  mac: string,
): Promise<string | undefined> {
  return (
    await db
      .selectFrom('ports')
      .select('id')
      .where('network_id', '=', networkId)
      .where('mac_address', '=', mac)
      .executeTakeFirst()
  )?.id;
}
