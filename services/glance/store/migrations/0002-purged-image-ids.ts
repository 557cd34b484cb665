// Ids of purged images, which must never be used again.
import type { Migration } from '#platform/db/migrate.ts';

export const purgedImageIds: Migration = {
  name: '0002-purged-image-ids',
  up: async (db, t) => {
    await db.schema
      .createTable('purged_image_ids')
      .ifNotExists()
      .addColumn('id', t.id, (c) => c.primaryKey())
      .execute();
  },
};
