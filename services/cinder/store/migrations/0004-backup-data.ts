// Under which id a backup's data lies, where that is not its own: of a backup imported beside its
// original.
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
