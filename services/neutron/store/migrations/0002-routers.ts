// Routers and floating IPs.
import type { Migration } from '#platform/db/migrate.ts';
import { standard } from './0001-networks.ts';

export const routers: Migration = {
  name: '0002-routers',
  up: async (db, t) => {
    await standard(db.schema.createTable('routers').ifNotExists(), t)
      .addColumn('name', t.name, (c) => c.notNull())
      .addColumn('tags', t.text, (c) => c.notNull())
      .addColumn('admin_state_up', t.bool, (c) => c.notNull())
      .addColumn('gateway_port_id', t.id)
      .addColumn('gateway_network_id', t.id)
      .addColumn('enable_snat', t.bool, (c) => c.notNull())
      .addColumn('routes_json', t.json, (c) => c.notNull())
      .addColumn('availability_zone_hints_json', t.json, (c) => c.notNull())
      .execute();
    await db.schema
      .createIndex('routers_by_project_id')
      .ifNotExists()
      .on('routers')
      .column('project_id')
      .execute();
    await standard(db.schema.createTable('floating_ips').ifNotExists(), t)
      .addColumn('tags', t.text, (c) => c.notNull())
      .addColumn('floating_network_id', t.id, (c) => c.notNull())
      .addColumn('floating_ip_address', t.id, (c) => c.notNull())
      .addColumn('floating_port_id', t.id, (c) => c.notNull().unique())
      .addColumn('fixed_port_id', t.id)
      .addColumn('fixed_ip_address', t.id)
      .addColumn('router_id', t.id)
      .addColumn('status', t.id, (c) => c.notNull())
      .addColumn('dns_name', t.name, (c) => c.notNull())
      .addColumn('dns_domain', t.name, (c) => c.notNull())
      // One floating IP per fixed address and external network: the key refuses the second of two
      // concurrent requests. NULLs do not collide.
      .addUniqueConstraint('floating_ips_fixed', [
        'fixed_port_id',
        'fixed_ip_address',
        'floating_network_id',
      ])
      .execute();
    for (const column of ['project_id', 'router_id'])
      await db.schema
        .createIndex(`floating_ips_by_${column}`)
        .ifNotExists()
        .on('floating_ips')
        .column(column)
        .execute();
  },
};
