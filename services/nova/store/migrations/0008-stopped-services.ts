// Column that marks compute services whose agent has announced its stop: they count as down at
// once, before heartbeats are missing.
import { addColumn } from '#platform/db/add-column.ts';
import type { Migration } from '#platform/db/migrate.ts';

export const stoppedServices: Migration = {
  name: '0008-stopped-services',
  up: async (db, t) => {
    await addColumn(db, 'services', 'stopped', t.bool, 0);
  },
};
