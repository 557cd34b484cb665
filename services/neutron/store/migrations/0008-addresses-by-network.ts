// An index on the addresses of a network, so that they are found without reading all others.
import type { Migration } from '#platform/db/migrate.ts';

export const addressesByNetwork: Migration = {
  name: '0008-addresses-by-network',
  up: async (db) =>
    await db.schema
      .createIndex('ip_allocations_by_network_id')
      .ifNotExists()
      .on('ip_allocations')
      .columns(['network_id', 'ip'])
      .execute(),
};
