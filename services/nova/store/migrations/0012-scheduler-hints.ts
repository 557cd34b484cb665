// What tenants wish of the placement of their servers, for the scheduler, at the first placement
// and at later moves.
import { addColumn } from '#platform/db/add-column.ts';
import type { Migration } from '#platform/db/migrate.ts';

export const schedulerHints: Migration = {
  name: '0012-scheduler-hints',
  up: async (db, t) => {
    await addColumn(db, 'servers', 'scheduler_hints', t.json);
  },
};
