// Networks with their segments, subnets, ports with their addresses and security groups.
import type { CreateTableBuilder } from 'kysely';
import type { ColumnTypes, Migration } from '#platform/db/migrate.ts';

/** The columns of StandardColumns, without `name`. */
export const standard = (
  table: CreateTableBuilder<any, any>,
  t: ColumnTypes,
): CreateTableBuilder<any, any> =>
  table
    .addColumn('id', t.id, (c) => c.primaryKey())
    .addColumn('project_id', t.name, (c) => c.notNull())
    .addColumn('description', t.text, (c) => c.notNull())
    .addColumn('revision_number', t.bigint, (c) => c.notNull())
    .addColumn('created_at_ms', t.timeMs, (c) => c.notNull())
    .addColumn('updated_at_ms', t.timeMs, (c) => c.notNull());

export const networks: Migration = {
  name: '0001-networks',
  up: async (db, t) => {
    const table = (name: string) => standard(db.schema.createTable(name).ifNotExists(), t);
    const index = async (on: string, ...columns: string[]) =>
      await db.schema
        .createIndex(`${on}_by_${columns.join('_')}`)
        .ifNotExists()
        .on(on)
        .columns(columns)
        .execute();
    await table('networks')
      .addColumn('name', t.name, (c) => c.notNull())
      .addColumn('tags', t.text, (c) => c.notNull())
      .addColumn('admin_state_up', t.bool, (c) => c.notNull())
      .addColumn('shared', t.bool, (c) => c.notNull())
      .addColumn('external', t.bool, (c) => c.notNull())
      .addColumn('is_default', t.bool, (c) => c.notNull())
      .addColumn('mtu', t.int, (c) => c.notNull())
      .addColumn('network_type', t.id, (c) => c.notNull())
      .addColumn('physical_network', t.name)
      .addColumn('segmentation_id', t.bigint)
      .addColumn('port_security_enabled', t.bool, (c) => c.notNull())
      .addColumn('dns_domain', t.name, (c) => c.notNull())
      .addColumn('availability_zone_hints_json', t.json, (c) => c.notNull())
      .execute();
    await index('networks', 'project_id');
    await db.schema
      .createTable('network_segments')
      .ifNotExists()
      .addColumn('network_type', t.id, (c) => c.notNull())
      .addColumn('physical_network', t.name, (c) => c.notNull())
      .addColumn('segmentation_id', t.bigint, (c) => c.notNull())
      .addColumn('network_id', t.id, (c) => c.notNull())
      .addPrimaryKeyConstraint('network_segments_key', [
        'network_type',
        'physical_network',
        'segmentation_id',
      ])
      .execute();
    await index('network_segments', 'network_id');
    await table('subnets')
      .addColumn('name', t.name, (c) => c.notNull())
      .addColumn('tags', t.text, (c) => c.notNull())
      .addColumn('network_id', t.id, (c) => c.notNull())
      .addColumn('ip_version', t.int, (c) => c.notNull())
      .addColumn('cidr', t.id, (c) => c.notNull())
      .addColumn('gateway_ip', t.id)
      .addColumn('enable_dhcp', t.bool, (c) => c.notNull())
      .addColumn('ipv6_ra_mode', t.id)
      .addColumn('ipv6_address_mode', t.id)
      .addColumn('allocation_pools_json', t.json, (c) => c.notNull())
      .addColumn('dns_nameservers_json', t.json, (c) => c.notNull())
      .addColumn('host_routes_json', t.json, (c) => c.notNull())
      .addColumn('subnetpool_id', t.id)
      .execute();
    await index('subnets', 'project_id');
    await index('subnets', 'network_id');
    await index('subnets', 'subnetpool_id');
    await table('ports')
      .addColumn('name', t.name, (c) => c.notNull())
      .addColumn('tags', t.text, (c) => c.notNull())
      .addColumn('network_id', t.id, (c) => c.notNull())
      .addColumn('mac_address', t.id, (c) => c.notNull())
      .addColumn('admin_state_up', t.bool, (c) => c.notNull())
      .addColumn('status', t.id, (c) => c.notNull())
      .addColumn('device_id', t.name, (c) => c.notNull())
      .addColumn('device_owner', t.name, (c) => c.notNull())
      .addColumn('port_security_enabled', t.bool, (c) => c.notNull())
      .addColumn('dns_name', t.name, (c) => c.notNull())
      .addColumn('ip_allocation', t.id, (c) => c.notNull())
      .addColumn('binding_host_id', t.name, (c) => c.notNull())
      .addColumn('binding_vnic_type', t.id, (c) => c.notNull())
      .addColumn('binding_profile_json', t.json, (c) => c.notNull())
      .addColumn('binding_vif_type', t.id, (c) => c.notNull())
      .addColumn('allowed_address_pairs_json', t.json, (c) => c.notNull())
      .addColumn('extra_dhcp_opts_json', t.json, (c) => c.notNull())
      .addUniqueConstraint('ports_mac', ['network_id', 'mac_address'])
      .execute();
    await index('ports', 'project_id');
    await index('ports', 'device_id');
    await db.schema
      .createTable('ip_allocations')
      .ifNotExists()
      .addColumn('subnet_id', t.id, (c) => c.notNull())
      .addColumn('ip_key', t.id, (c) => c.notNull())
      .addColumn('ip', t.id, (c) => c.notNull())
      .addColumn('network_id', t.id, (c) => c.notNull())
      .addColumn('port_id', t.id, (c) => c.notNull())
      .addPrimaryKeyConstraint('ip_allocations_key', ['subnet_id', 'ip_key'])
      .execute();
    await index('ip_allocations', 'port_id');
    await index('ip_allocations', 'ip');
    await db.schema
      .createTable('port_security_groups')
      .ifNotExists()
      .addColumn('port_id', t.id, (c) => c.notNull())
      .addColumn('security_group_id', t.id, (c) => c.notNull())
      .addPrimaryKeyConstraint('port_security_groups_key', ['port_id', 'security_group_id'])
      .execute();
    await index('port_security_groups', 'security_group_id');
  },
};
