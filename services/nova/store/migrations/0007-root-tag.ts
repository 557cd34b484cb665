// Column for the tag that a tenant gives to a server's root disk.
import { addColumn } from '#platform/db/add-column.ts';
import type { Migration } from '#platform/db/migrate.ts';

export const rootTag: Migration = {
  name: '0007-root-tag',
  up: async (db, t) => {
    await addColumn(db, 'servers', 'root_tag', t.name);
  },
};
