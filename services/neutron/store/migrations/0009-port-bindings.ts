// Inactive port bindings: hosts to which a port's server is about to move.
import type { Migration } from '#platform/db/migrate.ts';

export const portBindings: Migration = {
  name: '0009-port-bindings',
  up: async (db, t) => {
    await db.schema
      .createTable('port_bindings')
      .ifNotExists()
      .addColumn('port_id', t.id, (c) => c.notNull())
      .addColumn('host', t.name, (c) => c.notNull())
      .addColumn('vnic_type', t.id, (c) => c.notNull())
      .addColumn('profile_json', t.json, (c) => c.notNull())
      .addColumn('vif_type', t.id, (c) => c.notNull())
      .addPrimaryKeyConstraint('port_bindings_key', ['port_id', 'host'])
      .execute();
  },
};
