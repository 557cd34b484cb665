// The process that runs an upload, so that after its restart it can end its earlier uploads.
import { addColumn } from '#platform/db/add-column.ts';
import type { Migration } from '#platform/db/migrate.ts';

export const uploadOwner: Migration = {
  name: '0004-upload-owner',
  up: async (db, t) => {
    await addColumn(db, 'images', 'upload_owner', t.name);
  },
};
