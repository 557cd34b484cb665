// Servers' interfaces, and their addresses as the API shows them.
import { addColumn } from '#platform/db/add-column.ts';
import type { Migration } from '#platform/db/migrate.ts';

export const networks: Migration = {
  name: '0004-networks',
  up: async (db, t) => {
    await db.schema
      .createTable('server_nics')
      .ifNotExists()
      .addColumn('server_id', t.id, (c) => c.notNull())
      .addColumn('seq', t.int, (c) => c.notNull())
      .addColumn('network_id', t.id, (c) => c.notNull())
      .addColumn('port_id', t.id)
      .addColumn('given', t.bool, (c) => c.notNull())
      .addColumn('fixed_ip', t.id)
      .addColumn('tag', t.name)
      .addColumn('security_groups', t.json, (c) => c.notNull())
      .addColumn('info', t.json)
      .addPrimaryKeyConstraint('server_nics_key', ['server_id', 'seq'])
      .execute();
    await db.schema
      .createIndex('server_nics_by_port')
      .ifNotExists()
      .on('server_nics')
      .columns(['port_id'])
      .execute();
    await addColumn(db, 'servers', 'addresses', t.json, '{}');
    await addColumn(db, 'servers', 'security_groups', t.json, '[]');
  },
};
