// Columns for shelved servers: since when, and the image that holds the root disk.
import { addColumn } from '#platform/db/add-column.ts';
import type { Migration } from '#platform/db/migrate.ts';

export const shelvedServers: Migration = {
  name: '0013-shelved-servers',
  up: async (db, t) => {
    await addColumn(db, 'servers', 'shelved_at_ms', t.timeMs);
    await addColumn(db, 'servers', 'shelved_image_id', t.id);
  },
};
