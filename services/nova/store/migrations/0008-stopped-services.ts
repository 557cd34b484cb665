// Compute services whose agent has said that it stops: down at once, not only when its heartbeats
// have been missing for a while.
import { addColumn } from '#platform/db/add-column.ts';
import type { Migration } from '#platform/db/migrate.ts';

export const stoppedServices: Migration = {
  name: '0008-stopped-services',
  up: async (db, t) => {
    await addColumn(db, 'services', 'stopped', t.bool, 0);
  },
};
