// An index for the placement of volumes, which sums the sizes of each pool's volumes.
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
