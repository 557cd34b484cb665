// Under which id a backup's data lies, where that is not its own: of a backup imported beside its
// original.
import type { Migration } from '#platform/db/migrate.ts';

export const backupData: Migration = {
  name: '0004-backup-data',
  up: async (db, t) => {
    await db.schema.alterTable('backups').addColumn('data_id', t.id).execute();
    await db.schema
      .createIndex('backups_by_data')
      .ifNotExists()
      .on('backups')
      .columns(['data_id'])
      .execute();
  },
};
