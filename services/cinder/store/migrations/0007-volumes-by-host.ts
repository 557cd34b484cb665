// Every choice of a pool sums what its volumes have: from an index, not from the whole table.
import type { Migration } from '#platform/db/migrate.ts';

export const volumesByHost: Migration = {
  name: '0007-volumes-by-host',
  up: async (db) =>
    await db.schema
      .createIndex('volumes_by_host')
      .ifNotExists()
      .on('volumes')
      .columns(['host', 'size_gib'])
      .execute(),
};
