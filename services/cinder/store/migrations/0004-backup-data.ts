// The id of a backup's data in the store if it differs from the backup's own: for a backup that was
// imported while its original still exists.
import { addColumn } from '#platform/db/add-column.ts';
import type { Migration } from '#platform/db/migrate.ts';

export const backupData: Migration = {
  name: '0004-backup-data',
  up: async (db, t) => {
    await addColumn(db, 'backups', 'data_id', t.id);
    await db.schema
      .createIndex('backups_by_data')
      .ifNotExists()
      .on('backups')
      .columns(['data_id'])
      .execute();
  },
};
